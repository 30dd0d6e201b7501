package fault

// Summaries of pictures that cannot be used. Each fault with an image reason has one.
const (
	PictureNotFound    = "not found"
	PictureUnreachable = "shop cannot be reached"
	PictureTimedOut    = "timed out"
	PictureBusy        = "shop is overloaded"
	PictureBlocked     = "blocked"
	PictureRedirected  = "redirect to the home page or a category"
	PictureLoop        = "too many redirects"
	PictureForbidden   = "forbidden address"
	PictureNoAddress   = "not an address"
	PictureRobots      = "forbidden by robots.txt"
	PictureTooLarge    = "too large"
	PictureTooSmall    = "too small"
	PictureBlank       = "blank"
	PictureDamaged     = "damaged"
	PictureNotOnPage   = "no picture on the page"
	PictureNone        = "no picture"
	PictureUnseen      = "classifier sees no pictures"
	// PictureNotOne is followed by what is there instead, in parentheses.
	PictureNotOne = "not a picture"
	// PictureUnread is followed by the format, in parentheses.
	PictureUnread = "unsupported format"
)

// NotAPicture returns the summary of data that is something else, such as "a web page".
func NotAPicture(what string) string { return PictureNotOne + " (" + what + ")" }
