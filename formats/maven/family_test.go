package maven

import "testing"

// TestFamily: the claims that reserve names like one.
func TestFamily(t *testing.T) {
	for name, want := range map[string]string{"com.acme:lib": "com.acme.**"} {
		if got := family(name); got != want {
			t.Errorf("%s is of %q, want %q", name, got, want)
		}
	}
}
