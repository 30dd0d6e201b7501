package llm

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// learn keeps what an outcome says of the site, and turns a refusal that was about the
// form of the request into another call. It reports whether it is known now how the model
// is to be asked, or others may try too: once the gate has the outcome, they are let in.
func (a *asking) learn(s *site, sent terms, end *outcome) bool {
	if end.completed {
		a.learnRoom(s, sent, end)
	}
	unusable := a.unusable(end)
	other := unusable && s.unusable(sent, a.kind())
	if unusable && a.refusal == nil {
		a.refusal = end.fault
	}
	switch {
	case other:
		end.step, end.result.Outcome, end.onTheWay = stepLearned, upstream.Rejected, false
	case end.completed:
		s.answered(sent, a.kind(), end.step == stepDone || end.step == stepFail, !end.cutOff)
	}
	if end.onTheWay || end.step == stepWait {
		s.failures.Add(1)
	}
	if end.said != nil {
		a.learnRefusal(s, sent, end)
	}
	return s.open() || end.unheard(sent) && !unusable
}

// learnRefusal makes another call of a refusal that was about the form of the request, or
// that will pass.
func (a *asking) learnRefusal(s *site, sent terms, end *outcome) {
	if sent.System == ownMessage && sent.Stream == noStream {
		a.refusal = end.fault
	}
	if a.mend(s, sent, end) {
		end.step = stepLearned
		if end.means != meansKey {
			end.result.Outcome = upstream.Rejected // the key is well, whatever the status
		}
		return
	}
	if end.passes() {
		if a.absences++; s.mayPass(a.absences) {
			end.step, end.result.Outcome = stepRetry, upstream.Rejected
		}
	}
	if end.means == meansParameter && a.refusal != nil {
		end.fault = a.refusal // in answer to the usual question
	}
}

// unusable reports whether an answer came that is none, or one of which nothing can be made,
// even with more room. Some servers answer so instead of refusing a parameter.
func (a *asking) unusable(end *outcome) bool {
	switch {
	case end.said != nil, end.step != stepAskAgain && end.step != stepRetry:
		return false
	default:
		return end.empty || end.completed && (!end.cutOff || a.nextRoom() == 0)
	}
}

// unheard reports whether the server itself did not deal with the call: it is away, slow,
// or has no quota left. How it is to be asked is then no reason to keep others waiting, and
// the gate knows better when to go on.
func (end *outcome) unheard(sent terms) bool {
	switch end.step {
	case stepRetry:
		return end.said == nil || end.means == meansAway && !end.maybeRefusal(sent) || end.means == meansSlow || end.means == meansLoading
	case stepWait, stepGone, stepMove:
		return true
	default:
		return false
	}
}

// passes reports whether a refusal will pass if the server has answered others: the address
// and the model were right then, and it says nothing of the question.
func (end *outcome) passes() bool {
	return end.status == http.StatusNotFound || end.status == http.StatusMethodNotAllowed || end.means == meansModel
}

// mend reports whether the same question is worth asking in another form.
func (a *asking) mend(s *site, sent terms, end *outcome) bool {
	switch end.means {
	case meansParameter:
		return s.refused(sent, end.said, a.kind())
	case meansKey, meansBadKey: // some refuse a parameter with 403
		if a.otherKeyHeader(s, sent, end) {
			return true
		}
		return end.means == meansKey && end.status == http.StatusForbidden && !s.open() && sent != sent.bare(a.question.Picture != nil) && s.refused(sent, end.said, a.kind())
	case meansFailure, meansAway:
		return end.maybeRefusal(sent) && s.failedAlike(end.said, a.kind()) && s.refused(sent, end.said, a.kind())
	case meansPicture:
		if a.question.Picture == nil {
			return s.refused(sent, end.said, a.kind())
		}
		if end.step = stepFail; s.pictureRefused(end.said.ofThisPicture()) {
			end.fault = a.blind()
		} else {
			end.fault = fault.New(fault.ImageUnsupported, "the model's server refuses the picture (%s): send another one",
				public(end.said.message, a.secrets))
		}
	case meansRoom:
		return a.moreRoom()
	case meansContext:
		return a.lessRoom(end.said)
	case meansAddress:
		if end.step == stepRetry && !s.isLost() && !s.failedAlike(end.said, a.kind()) { // a page in place of an answer
			return false
		}
		if s.elsewhere(sent) {
			return true
		}
		if s.isLost() {
			end.step = stepFail // also for a page
		}
		end.result.Outcome = upstream.Rejected // it is there
		if s.answers.Load() > 0 && end.passes() && end.itemFault != nil {
			end.fault = end.itemFault // the address is right
		} else {
			end.fault = a.wrongAddress(s, sent, end)
		}
	case meansItem, meansFiltered, meansModel, meansMoney, meansSpeed, meansLoading, meansBroken, meansSlow:
	}
	return false
}

// maybeRefusal reports whether a failure that comes again and again may be a refusal of
// something that was sent: the server itself failed, or a gateway passes on words about it.
func (end *outcome) maybeRefusal(sent terms) bool {
	switch {
	case end.said.inChoice:
		return false
	case end.means == meansFailure && end.status <= http.StatusNotImplemented:
		return true
	default:
		return len(sent.named(strings.ToLower(end.said.message))) > 0
	}
}

// otherKeyHeader reports whether the server wants the key in another header than the one
// that it was sent in, which is tried once.
func (a *asking) otherKeyHeader(s *site, sent terms, end *outcome) bool {
	words := strings.ToLower(end.said.message)
	wanted := words == "forbidden" || anyIn(words, []string{"api-key", "subscription key", "subscription-key", "no api key"}) // the first by AWS's gateway
	if a.at.dialect.settings.Auth != "" || !wanted || !s.otherKeyHeader(sent) {
		return false
	}
	end.means = meansParameter // the key is well
	return true
}

// rooms are the tokens that an answer gets, one after the other, from a model that reasons
// before it answers.
var rooms = [...]int{600, 2400, 8000}

// learnRoom gives a model that reasons more room, for this question and, once that was
// enough, for all later ones.
func (a *asking) learnRoom(s *site, sent terms, end *outcome) {
	switch {
	case end.step == stepDone && a.room > sent.Room && end.reasoned, end.step == stepDone && a.mostRoom > 0:
		s.needsRoom(a.form.room)
	case end.cutOff && end.step == stepAskAgain && a.moreRoom():
		if a.cutEarly(end) {
			s.otherLimit(sent)
		}
		if end.reasoned {
			s.leastEffort()
		}
		end.step = stepLearned
	}
}

// cutEarly reports whether an answer was cut off long before its room was used up: the server
// does not know the bound by the name under which it was sent.
func (a *asking) cutEarly(end *outcome) bool {
	used := end.result.Usage.Completion
	return used > 0 && used <= int64(a.form.room)/2
}

// moreRoom gives this question the next larger room, and reports false if there is none.
func (a *asking) moreRoom() bool {
	room := a.nextRoom()
	if room > 0 {
		a.room = room
	}
	return room > 0
}

// nextRoom returns the next larger room, 0 if there is none.
func (a *asking) nextRoom() int {
	for _, room := range append(rooms[:], a.config.MaxOutputTokens) {
		room = min(room, a.config.MaxOutputTokens)
		if room > a.form.room && (a.mostRoom == 0 || room <= a.mostRoom) {
			return room
		}
	}
	return 0
}

// leastRoom is the fewest tokens that an answer fits into.
const leastRoom = 120

// maxTooLong is how many questions without an answer between them may find that less room does not
// help. From then on it is not tried for others either, unless the server says how much there is.
const maxTooLong = 2

// lessRoom leaves room in a small context for the question, and reports false if that is
// no use.
func (a *asking) lessRoom(said *serverError) bool {
	room := said.contextRoom()
	guessed := room == 0 && said.excess() == 0
	if guessed && a.mostRoom == 0 && a.at.site.tooLong.Load() >= maxTooLong {
		return false
	}
	switch excess := said.excess(); {
	case excess > 0:
		room = a.form.room - excess
	case room == 0:
		room = a.form.room / 2
	}
	if room < leastRoom || room >= a.form.room || a.form.terms.Limit == noLimit {
		if guessed {
			a.at.site.tooLong.Add(1)
		}
		return false
	}
	a.room, a.mostRoom = 0, room
	return true
}

// wrongAddress returns the fault of a question that no address answered.
func (a *asking) wrongAddress(s *site, sent terms, end *outcome) *fault.Fault {
	said := fmt.Sprintf("%s answered %d", s.tried(sent), end.status)
	if text := public(end.said.message, a.secrets); text != "" {
		said += ": " + text
	}
	return fault.New(fault.UpstreamRejected,
		"%s, which is not a chat completion: set OPENAI_BASE_URL to the address that ends before /chat/completions, such as http://localhost:8080/v1", said)
}

// blind returns the fault of a question with a picture to a model that takes none. The item may
// be answered from its text.
func (a *asking) blind() *fault.Fault {
	a.sites.noteBlind(a.need.Model)
	return fault.New(fault.ImageUnsupported, "the model %s takes no pictures: name one that does", a.answer.Trace.Model)
}
