package llm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// siteID names a model on a server, asked with one set of settings: what one site accepts
// says nothing of another.
type siteID struct{ settings, base, model string }

// profileForm is raised when stored profiles of before are not to be used any more.
const profileForm = 1

// key names the site in the store, without showing its address.
func (id siteID) key() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%s", profileForm, id.settings, id.base, id.model))
	return hex.EncodeToString(sum[:16])
}

// site is what is known of a siteID. It is safe for concurrent use.
type site struct {
	id        siteID
	endpoints []string

	mu      sync.Mutex
	talks   negotiation
	settled [catalog.NumKinds]bool // usable answers have come, by what was asked
	rejects int                    // refusals in a row since the last answer
	failure string                 // the words of the last failure, while nothing was answered
	lost    bool                   // no address answered
	outage  bool                   // nothing that was left out helped against failures
	good    bool                   // an answer has been of use, or a refusal of the model's own
	garbled int                    // answers that were of no use, while none was good
	useless bool                   // nothing that was left out helped against these
	doubted bool                   // the last answer was of no use, with a part that was put back
	// pictureRejects are refusals of pictures since the last answer to one.
	pictureRejects int
	save           func(terms) // stores what was learned

	answers, failures atomic.Int64 // calls that were answered, and that were throttled or failed on the way
	cutsOff           atomic.Bool  // since the last whole answer, one was cut off in the largest room
	tooLong           atomic.Int32 // questions since the last answer for which less room was in vain
	gone              atomic.Bool  // since the last answer, an item was told again and again that the address or the model is not there
}

// maxAbsent is after how many such refusals an item is still asked again, as they may pass. If
// it is refused once more, the address or the model is gone, and asking others again is no use.
const maxAbsent = 3

// maxRejects is how many refusals in a row of a settled site reopen the negotiation: the
// server behind the address has changed.
const maxRejects = 5

func newSite(id siteID, endpoints []string, offer terms, stored *terms, save func(terms)) *site {
	s := &site{id: id, endpoints: endpoints, talks: newNegotiation(offer), save: save}
	if stored != nil {
		s.talks.now, s.talks.best = *stored, *stored
		s.talks.done, s.talks.answered, s.good = true, true, true
		for kind := range s.settled {
			s.settled[kind] = true
		}
	}
	return s
}

// address returns where a request with these terms goes.
func (s *site) address(t terms) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoints[min(t.Endpoint, len(s.endpoints)-1)]
}

// tried returns the addresses that did not answer, as a part of a sentence.
func (s *site) tried(sent terms) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lost {
		return publicURL(s.endpoints[min(sent.Endpoint, len(s.endpoints)-1)])
	}
	var list []string
	for _, address := range s.endpoints {
		list = append(list, publicURL(address))
	}
	return strings.Join(list, ", then ")
}

// moved notes that the server has told an address to be another one for good.
func (s *site) moved(t terms, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoints[min(t.Endpoint, len(s.endpoints)-1)] = to
}

// terms returns what the next request is to contain.
func (s *site) terms() terms {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.talks.now
}

// open reports whether it is known what the site accepts, so that many may ask at once.
func (s *site) open() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.talks.done
}

// answered notes an answer to a request with these terms: whether it was of use, and whether
// it was whole. One that was cut off does not end the negotiation, nor does
// one that was of no use, unless others were or all was in vain.
func (s *site) answered(sent terms, kind catalog.Kind, good, whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers.Add(1)
	s.gone.Store(false)
	s.tooLong.Store(0)
	s.rejects, s.failure, s.outage = 0, "", false
	if good {
		s.good, s.useless, s.doubted = true, false, false
	}
	if good && whole {
		s.cutsOff.Store(false)
	}
	if !good && (!whole || !s.good && !s.useless) {
		return
	}
	s.settled[kind] = true
	if kind == catalog.KindImage {
		s.pictureRejects = 0
	}
	if !s.talks.answered {
		s.goTo(sent.Endpoint)
	}
	if s.talks.done || !sent.sameParts(s.talks.now) {
		return
	}
	s.talks.now.Room = max(s.talks.now.Room, sent.Room)
	s.talks.accepted()
	s.keep()
}

// mayPass notes the given number of an item's refusals as if the address or the model were not
// there, and reports whether the next call may go well: others have been answered.
func (s *site) mayPass(refusals int) bool {
	if s.answers.Load() == 0 || s.gone.Load() {
		return false
	}
	if refusals > maxAbsent {
		s.gone.Store(true)
		return false
	}
	return true
}

// refused notes a refusal of a request with these terms, and reports whether the same
// question is to be asked again with other terms: because there is something left to try,
// or because others have found out meanwhile what to send.
func (s *site) refused(sent terms, e *serverError, kind catalog.Kind) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !sent.sameParts(s.talks.now) {
		return true
	}
	if s.settled[kind] && s.talks.done {
		if s.rejects++; s.rejects < maxRejects {
			return false
		}
		s.reopen()
	}
	if s.talks.done {
		s.talks.done, s.talks.calls, s.garbled = false, 0, 0 // known for texts, asked for a picture
	}
	again := s.talks.refused(e.message+" "+e.param, e.code, kind == catalog.KindImage)
	if !again && !s.talks.answered {
		s.inVain()
	}
	return again
}

// inVain notes that a negotiation against failures, or against answers of no use, has found
// nothing that helps: the usual terms are as good as any then.
func (s *site) inVain() {
	if s.talks.failing || s.garbled > 1 {
		s.outage, s.useless = s.talks.failing, s.garbled > 1
		s.garbled, s.talks = 0, newNegotiation(s.talks.offer)
	}
}

// unusable notes an answer of which nothing can be made, and reports whether the same question
// is to be asked again with other terms. Before any answer was of use, two in a row are as good
// as a refusal, and so are two in a row with a part that is put back in the negotiation that
// follows: one may be chance, and what is left out then is stored. With too few calls left for
// that, one is enough.
func (s *site) unusable(sent terms, kind catalog.Kind) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	finding := s.garbled > 1 && !s.talks.done
	switch {
	case s.useless, s.good && !finding:
		return false
	case !sent.sameParts(s.talks.now):
		return true
	}
	if s.garbled++; s.garbled == 1 {
		s.talks.calls++
		return false
	}
	if s.doubted = !s.doubted && s.talks.putting != nil && s.talks.calls+2 < maxNegotiation; s.doubted {
		s.talks.calls++
		return true
	}
	again := s.talks.refused("", "", kind == catalog.KindImage)
	if !again && !s.talks.answered {
		s.inVain()
	}
	return again
}

// reopen begins the negotiation again.
func (s *site) reopen() {
	s.rejects, s.garbled = 0, 0
	s.settled = [catalog.NumKinds]bool{}
	s.talks = newNegotiation(s.talks.offer)
}

// failedAlike notes a failure and reports whether it came twice in the same words before
// anything was answered: then it is a refusal.
func (s *site) failedAlike(e *serverError, kind catalog.Kind) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled[kind] && s.talks.done || s.outage {
		return false
	}
	words := fmt.Sprint(e.status, " ", unnumbered(e.message))
	again := s.failure == words
	s.failure = words
	s.talks.failing = s.talks.failing || again && !s.talks.answered
	return again
}

// numbered matches words with digits: times, counts and the numbers of requests, which differ
// from one refusal to the next.
var numbered = regexp.MustCompile(`[\w.:-]*\d[\w.:-]*`)

func unnumbered(words string) string { return numbered.ReplaceAllString(words, "#") }

// pictureRefused notes that a question was refused for its picture, and reports whether the
// model takes none at all. If it has answered others, or the refusal is of this picture, that
// is so only after several in a row.
func (s *site) pictureRefused(thisOne bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pictureRejects++; (thisOne || s.settled[catalog.KindImage]) && s.pictureRejects < maxRejects {
		return false
	}
	s.talks.now.Pictures, s.talks.offer.Pictures, s.talks.best.Pictures = noPictures, noPictures, noPictures
	s.keep()
	return true
}

// needsRoom notes how many tokens an answer needs, or may have at most.
func (s *site) needsRoom(room int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.talks.now.Room, s.talks.offer.Room, s.talks.best.Room = room, room, room
	s.keep()
}

// otherLimit has the bound on answers sent by its older name.
func (s *site) otherLimit(sent terms) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sent.Limit == maxCompletionTokens {
		s.talks.now.Limit, s.talks.offer.Limit, s.talks.best.Limit = maxTokens, maxTokens, maxTokens
		s.keep()
	}
}

// otherKeyHeader has the key sent in the headers for keys, and reports false if that is done
// already, or if the site has answered without.
func (s *site) otherKeyHeader(sent terms) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.talks.answered || sent.KeyHeader == inKeyHeaders {
		return false
	}
	s.talks.now.KeyHeader, s.talks.offer.KeyHeader = inKeyHeaders, inKeyHeaders
	return true
}

// leastEffort asks for the least reasoning, unless that was tried, and reports whether that
// changes anything.
func (s *site) leastEffort() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.talks.done || s.talks.effortTried || s.talks.now.Effort != noEffort {
		return false
	}
	s.talks.effortTried = true
	s.talks.now.Effort = effortNone
	return true
}

// elsewhere goes on to the next address, and reports false if all were asked, or if this
// one has answered before. Once all were asked, each question asks one, in turn: the server
// may have been started meanwhile.
func (s *site) elsewhere(sent terms) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.talks.answered {
		return false
	}
	if sent.Endpoint == s.talks.now.Endpoint {
		next := (sent.Endpoint + 1) % len(s.endpoints)
		s.goTo(next)
		s.lost = s.lost || next == 0
	}
	return !s.lost
}

// isLost reports whether all addresses were asked in vain, and none has answered.
func (s *site) isLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost && !s.talks.answered
}

// goTo has the next request go to an address.
func (s *site) goTo(endpoint int) { s.talks.now.Endpoint, s.talks.offer.Endpoint = endpoint, endpoint }

// keep stores what was learned, once it is known to work.
func (s *site) keep() {
	if s.talks.done && s.talks.answered && s.good && s.save != nil {
		s.save(s.talks.best)
	}
}

// sameParts reports whether two requests differ in nothing but their room.
func (t terms) sameParts(other terms) bool {
	t.Room = other.Room
	return t == other
}
