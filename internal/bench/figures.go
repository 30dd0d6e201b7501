package main

import (
	"fmt"
	"time"
)

// figure returns a measured value in words, and whether it reaches its goal.
type figure func(*result) (text string, good bool)

// share is a value as a percentage, and its goal.
func share(name string, goal float64, value func(*result) float64) figure {
	return func(p *result) (string, bool) {
		v := value(p)
		return fmt.Sprintf("%s %.1f %% (goal %.0f)", name, 100*v, 100*goal), v >= goal
	}
}

// quotaUse is the number of answers over the quota from the first call to the last
// answer. It leaves out the first seconds, in which a full bucket allows a burst.
func quotaUse(seconds int, goal float64) figure {
	return share("use", goal, func(p *result) float64 {
		burst := sum(p.stats.ServedPerSecond[:min(seconds, len(p.stats.ServedPerSecond))])
		return (float64(p.answered) - burst) / (perSecond * (p.elapsed.Seconds() - float64(seconds)))
	})
}

// tokenUse is the same for tokens. A bucket has those of one second.
func tokenUse(rate, goal float64) figure {
	return share("tokens used", goal, func(p *result) float64 {
		tokens := float64(p.stats.Tokens.Prompt + p.stats.Tokens.Completion)
		return (tokens - rate) / (rate * p.elapsed.Seconds())
	})
}

func throttled(goal float64) figure {
	return func(p *result) (string, bool) {
		v := float64(p.stats.Throttled) / float64(p.stats.Calls)
		return fmt.Sprintf("429s %.2f %% (goal under %.1f)", 100*v, 100*goal), v < goal
	}
}

// fairShare is Jain's index (Jain, Chiu and Hawe 1984) of the replicas' answers when
// the first replica had ended.
func fairShare(goal float64) figure {
	return func(p *result) (string, bool) {
		sum, squares := 0.0, 0.0
		for _, n := range p.share {
			sum += float64(n)
			squares += float64(n) * float64(n)
		}
		v := sum * sum / (float64(len(p.share)) * squares)
		return fmt.Sprintf("Jain %.3f (goal %.2f)", v, goal), v >= goal
	}
}

// slotThroughput is the throughput as a share of that with all slots in use. It leaves out
// the first five seconds, in which the limit is found, and the last two, in which the work
// runs out.
func slotThroughput(slots int, goal float64) figure {
	return share("throughput", goal, func(p *result) float64 {
		served := p.stats.ServedPerSecond
		if len(served) < 10 {
			return 0
		}
		served = served[5 : len(served)-2]
		return sum(served) / float64(len(served)) * meanLatency.Seconds() / float64(slots)
	})
}

func slotLatency(goal float64) figure {
	return func(p *result) (string, bool) {
		v := float64(p.stats.Latency.Mean) / float64(meanLatency)
		return fmt.Sprintf("latency %.2f x unloaded (goal %.0f)", v, goal), v <= goal
	}
}

// callsOnDeadKeys is the number of calls on keys that cannot serve.
func callsOnDeadKeys(goal int64) figure {
	return func(p *result) (string, bool) {
		n := int64(0)
		for _, k := range p.stats.Keys {
			n += k.Denied
		}
		return fmt.Sprintf("%d calls wasted (goal under %d)", n, goal), n < goal
	}
}

func within(goal time.Duration) figure {
	return func(p *result) (string, bool) {
		return fmt.Sprintf("took %.1f s (goal %.1f), %d calls", p.elapsed.Seconds(), goal.Seconds(), p.stats.Calls), p.elapsed <= goal
	}
}

// callsDuringOutage is the number of calls during the outage. Of the goal, 32 are those
// in flight when it is noticed.
func callsDuringOutage(goal int64) figure {
	return func(p *result) (string, bool) {
		return fmt.Sprintf("%d calls into it (goal under 50 + 32)", p.stats.InOutage), p.stats.InOutage < goal
	}
}

// recovery is the time from the upstream's return to the first second with as many
// answers as before the outage, of which the first two seconds do not count.
func recovery(goal time.Duration) figure {
	return func(p *result) (string, bool) {
		served, full := p.stats.ServedPerSecond, 0.0
		if len(served) >= 9 {
			full = sum(served[2:9]) / 7
		}
		returned := outageStart + outageLength - p.offset
		for i, n := range served {
			at := time.Duration(i) * time.Second
			if at >= returned-time.Second && full > 0 && float64(n) >= 0.9*full {
				took := max(0, at-returned)
				return fmt.Sprintf("full speed %.1f s after the return (goal %v)", took.Seconds(), goal), took <= goal
			}
		}
		return "never back at full speed", false
	}
}

// goodput is the number of answers a second as a share of that without the faults, each
// the mean of its runs. It leaves out the last answers, whose waits are not due to the gate.
func goodput(goal float64) figure {
	return func(p *result) (string, bool) {
		with, without := 0.0, 0.0
		for i := range p.with {
			with += steadyGoodput(p.with[i]) / float64(len(p.with))
			without += steadyGoodput(p.without[i]) / float64(len(p.without))
		}
		return fmt.Sprintf("%.0f items/s, %.1f %% of %.0f without (goal %.0f)", with, 100*with/without, without, 100*goal),
			with >= goal*without
	}
}

// steadyGoodput returns the answers a second until 95 % of them have arrived. It counts by
// tenths of a second, since the last second of a run is not full.
func steadyGoodput(p *result) float64 {
	enough, sum := float64(p.answered)*0.95, 0.0
	for i, n := range p.stats.ServedPerTenth {
		if next := sum + float64(n); next < enough {
			sum = next
			continue
		}
		return 10 * enough / (float64(i) + (enough-sum)/float64(max(n, 1)))
	}
	return 0
}

func sum(all []int64) (n float64) {
	for _, v := range all {
		n += float64(v)
	}
	return n
}
