package llm_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// TestOneRefusedPicture asks a model that sees pictures, and refuses some of them: the others
// are still answered from theirs.
func TestOneRefusedPicture(t *testing.T) {
	for words, first := range map[string]int{
		"You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png', 'jpeg', 'gif', 'webp'].": 0,
		"Could not process image":                                     0,
		"Invalid image: it cannot be shown to the model for reason 7": 1, // once others were answered
		"This image is not allowed":                                   1,
	} {
		t.Run(words, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, local := testkit.ServeSim(t, llmsim.Config{
					Schema: newPrompt(t).Schema(),
					Rules:  llmsim.Behaviour{{Text: "broken", Status: 400, Body: fmt.Sprintf(`{"error":{"message":%q}}`, words)}},
				})
				c, err := llm.New(llm.Config{Model: "m", Transport: local.Client.Transport}, newGate(t, local.URL, 4, testKey), newPrompt(t))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				for i := range 6 {
					name := fmt.Sprint("sofa ", i)
					if i == first || i == 4 {
						name = fmt.Sprint("broken ", i)
					}
					answer, err := c.Ask(t.Context(), catalog.Question{
						Item:    &catalog.Item{Name: name},
						Picture: &catalog.Picture{Data: []byte{0xff, 0xd8, 0xff, 0xe0}, MediaType: "image/jpeg"},
					})
					switch broken := strings.HasPrefix(name, "broken"); {
					case broken:
						checkEnd(t, err, fault.ImageUnsupported, "refuses the picture")
					case err != nil || answer.Classification.Evidence != catalog.EvidencePicture:
						t.Errorf("%s: %v, %+v", name, err, answer.Classification)
					}
				}
			})
		})
	}
}

// TestAnswerBesideAnError asks a gateway that sends an error's members with each good answer.
func TestAnswerBesideAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, local := testkit.ServeSim(t, llmsim.Config{
			Schema: newPrompt(t).Schema(),
			Rules:  llmsim.Behaviour{{Choice: `,"error":{"code":"OK","message":"success"}`}},
		})
		c, err := llm.New(llm.Config{Model: "m", Transport: local.Client.Transport}, newGate(t, local.URL, 4, testKey), newPrompt(t))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Ask(t.Context(), catalog.Question{Item: &catalog.Item{Name: "sofa"}}); err != nil {
			t.Error(err)
		}
		if calls := sim.Stats().Calls; calls != 1 {
			t.Errorf("%d calls, want 1", calls)
		}
	})
}
