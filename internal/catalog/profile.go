package catalog

// Profile is how a model on a server is asked. All its fields are safe to show.
type Profile struct {
	// Groups are the quota groups whose keys are used for it, by name.
	Groups []string
	// Model is the name that the server knows.
	Model string
	// Settled reports whether the server has answered a question that was asked this way.
	// Until then the parts are what is tried first.
	Settled bool
	Parts   []ProfilePart
}

// ProfilePart is one setting of a profile.
type ProfilePart struct {
	// Name and Value are those of the configuration, such as "format" and "json_object".
	Name, Value string
	Source      ProfileSource
}

// ProfileSource is where a part of a profile comes from.
type ProfileSource uint8

// The sources. A later one wins over the ones before it.
const (
	FromDefault    ProfileSource = iota
	FromPreset                   // it is known of the provider or of its model
	FromSettings                 // the configuration says so
	FromExperience               // learned from the server's answers
)

// String returns the source in a word.
func (s ProfileSource) String() string { return [...]string{"default", "preset", "set", "learned"}[s] }

// Part returns the part of that name, the zero value if there is none.
func (p *Profile) Part(name string) ProfilePart {
	for _, part := range p.Parts {
		if part.Name == name {
			return part
		}
	}
	return ProfilePart{}
}
