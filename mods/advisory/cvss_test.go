package advisory

import "testing"

// The scores are those that the calculator of the specification gives.
func TestCVSS3(t *testing.T) {
	for vector, want := range map[string]float64{
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H":                9.8,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H":                10,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N":                6.1,
		"CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H":                9.9,
		"CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H":                7.8,
		"CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N":                1.6,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N":                0,
		"CVSS:3.1/AV:A/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/MAV:P": 7.5,
	} {
		if got, err := cvss3(vector); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", vector, got, err, want)
		}
	}
	for _, vector := range []string{"", "CVSS:2.0/AV:N", "CVSS:3.1", "CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:3.1/AV/AC/PR/UI/S/C/I/A"} {
		if got, err := cvss3(vector); err == nil {
			t.Errorf("%q: %v", vector, got)
		}
	}
	for score, want := range map[float64]string{0: Low, 3.9: Low, 4: Medium, 6.9: Medium, 7: High, 8.9: High, 9: Critical, 10: Critical} {
		if got := rating(score); got != want {
			t.Errorf("%v is %s, want %s", score, got, want)
		}
	}
}
