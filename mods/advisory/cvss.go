package advisory

import (
	"math"
	"strings"
)

// weights of the metrics of a base score; Common Vulnerability Scoring System v3.1,
// section 7.4.
var weights = map[string]map[string]float64{
	"AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
	"AC": {"L": 0.77, "H": 0.44},
	"PR": {"N": 0.85, "L": 0.62, "H": 0.27}, // if the scope is unchanged
	"UI": {"N": 0.85, "R": 0.62},
	"S":  {"U": 0, "C": 1},
	"C":  {"H": 0.56, "L": 0.22, "N": 0},
	"I":  {"H": 0.56, "L": 0.22, "N": 0},
	"A":  {"H": 0.56, "L": 0.22, "N": 0},
}

// cvss3 returns the base score, 0 to 10, of a vector such as
// "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H". Metrics that are not part of the base
// score are passed over. (Section 7.1 of the specification.)
func cvss3(vector string) (float64, error) {
	metrics := strings.Split(vector, "/")
	if metrics[0] != "CVSS:3.1" && metrics[0] != "CVSS:3.0" {
		return 0, errVector
	}
	value := map[string]float64{}
	letter := map[string]string{}
	for _, metric := range metrics[1:] {
		name, v, _ := strings.Cut(metric, ":")
		if weights[name] == nil {
			continue
		}
		weight, known := weights[name][v]
		if _, twice := letter[name]; twice || !known {
			return 0, errVector
		}
		value[name], letter[name] = weight, v
	}
	if len(value) != len(weights) {
		return 0, errVector
	}
	changed := letter["S"] == "C"
	if changed {
		switch letter["PR"] {
		case "L":
			value["PR"] = 0.68
		case "H":
			value["PR"] = 0.5
		}
	}
	loss := 1 - (1-value["C"])*(1-value["I"])*(1-value["A"])
	impact := 6.42 * loss
	if changed {
		impact = 7.52*(loss-0.029) - 3.25*math.Pow(loss-0.02, 15)
	}
	if impact <= 0 {
		return 0, nil
	}
	exploitability := 8.22 * value["AV"] * value["AC"] * value["PR"] * value["UI"]
	if changed {
		return roundUp(math.Min(1.08*(impact+exploitability), 10)), nil
	}
	return roundUp(math.Min(impact+exploitability, 10)), nil
}

// roundUp returns the smallest number with one decimal that is not below x. (Appendix A.)
func roundUp(x float64) float64 {
	n := int(math.Round(x * 100_000))
	if n%10_000 == 0 {
		return float64(n) / 100_000
	}
	return float64(n/10_000+1) / 10
}

// rating returns the severity of a score. (Section 5; what scores nothing is low.)
func rating(score float64) string {
	switch {
	case score >= 9:
		return Critical
	case score >= 7:
		return High
	case score >= 4:
		return Medium
	}
	return Low
}
