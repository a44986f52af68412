package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"slipway/formats/formatstest"
	"slipway/registry/access"
)

type newToken struct {
	ID, Token   string
	ExpiresAt   *string `json:"expires_at"`
	Permissions []struct {
		Repository string
		Actions    []access.Action
	}
}

func TestTokens(t *testing.T) {
	a := newAPI(t)
	var made newToken
	a.want(201, "POST", "/tokens", `{"name":"ci","permissions":[{"repository":"main","actions":["read","publish"]}],"expires_in":"720h"}`, &made, byPassword...)
	if made.ID == "" || made.ExpiresAt == nil || len(made.Permissions) != 1 {
		t.Errorf("token: %+v", made)
	}
	if res := a.call(formatstest.As(made.Token), "GET", "/repositories/main", ""); res.Status != 200 {
		t.Errorf("the token does not work: %v", res)
	}
	var forever newToken
	a.want(201, "POST", "/tokens", `{"name":"ci","permissions":[{"repository":"*","actions":["read"]}]}`, &forever, byPassword...)
	if forever.ExpiresAt != nil {
		t.Errorf("expires_at: %s, want null", *forever.ExpiresAt)
	}
	var list struct {
		Items []struct {
			ID, Name, User, Hint string
			RevokedAt            *string `json:"revoked_at"`
		}
		Next string
	}
	a.want(200, "GET", "/tokens?limit=2", "", &list)
	if len(list.Items) != 2 || list.Items[1].ID != made.ID || list.Items[1].User != "admin" || list.Next == "" {
		t.Errorf("list: %+v", list)
	}
	a.want(204, "DELETE", "/tokens/"+made.ID, "", nil)
	a.want(204, "DELETE", "/tokens/"+made.ID, "", nil)
	ann := a.UserToken("ann", 0, access.Grant{Repository: "main", Actions: []access.Action{access.Read}})
	for query, want := range map[string]int{"?user=admin": 3, "?user=admin&valid=true": 2, "?user=ann": 1, "?valid=true": 3, "?valid=true&limit=1": 1, "?valid=true&after=" + made.ID: 2} {
		if a.want(200, "GET", "/tokens"+query, "", &list); len(list.Items) != want {
			t.Errorf("%s: %+v, want %d", query, list.Items, want)
		}
	}
	a.want(404, "GET", "/tokens?user=carl", "", nil)
	a.want(400, "GET", "/tokens?valid=perhaps", "", nil)
	if res := a.call(ann, "GET", "/tokens?user=admin", ""); res.Status != 403 {
		t.Errorf("the tokens of another user: %v", res)
	}
	if res := a.call(ann, "GET", "/tokens?user=ann", ""); res.Status != 200 || !strings.Contains(string(res.Body), `"user":"ann"`) {
		t.Errorf("her own: %v", res)
	}
	if res := a.call(formatstest.As(made.Token), "GET", "/repositories/main", ""); res.Status != 401 {
		t.Errorf("a revoked token works: %v", res)
	}
	a.want(404, "DELETE", "/tokens/999", "", nil)
	a.want(404, "DELETE", "/tokens/x", "", nil)
	for _, body := range []string{
		`{"permissions":[{"repository":"main","actions":["read"]}]}`, `{"name":"x"}`, `{"name":"x","permissions":[{"repository":"main","actions":[]}]}`,
		`{"name":"x","permissions":[{"repository":"main","actions":["fly"]}]}`, `{"name":"x","permissions":[{"repository":"../","actions":["read"]}]}`,
		`{"name":"x","permissions":[{"repository":"main","actions":["read"]}],"expires_in":"soon"}`,
		`{"name":"x","permissions":[{"repository":"main","actions":["read"]}],"expires_in":"-1h"}`,
		`{"name":"x","permissions":[{"repository":"main","actions":["read"]}],"expires_in":""}`, // of a variable that is not set
		`{"name":"x","permissions":[{"repository":"main","actions":["read"]}],"expires_in":"0s"}`,
		`{"name":"x","permissions":[{"repository":"main","actions":["read"],"admin":true}]}`,
	} {
		a.want(400, "POST", "/tokens", body, nil)
	}
}

// TestS42: whatever is asked for, by whomever, what a token may do its minter may do too, and it does
// not outlive a minter that is a token. Checked over chains of random tokens.
func TestS42(t *testing.T) {
	a := newAPI(t)
	repositories := []string{"main", "other", "team-a", "team-b", "x"}
	globs := []string{"main", "other", "team-*", "team-a", "*", "*-a", "m*n", "x"}
	rnd := rand.New(rand.NewPCG(42, 42))
	grants := func() []access.Grant {
		var out []access.Grant
		for range 1 + rnd.IntN(3) {
			g := access.Grant{Repository: globs[rnd.IntN(len(globs))]}
			for _, i := range rnd.Perm(len(access.Actions))[:1+rnd.IntN(3)] {
				g.Actions = append(g.Actions, access.Actions[i])
			}
			out = append(out, g)
		}
		return out
	}
	actor := func(as formatstest.As) access.Actor {
		t.Helper()
		who, err := a.Accounts.Authenticate(context.Background(), access.Credentials{Token: string(as)})
		if err != nil {
			t.Fatal(err)
		}
		return who
	}
	may := func(who access.Actor, action access.Action, repository string) bool {
		return access.Decide(who, action, repository) == access.Allow
	}
	refused, tooLong, chains := 0, 0, 0
	for n := range 6 {
		minter, end := a.UserToken(fmt.Sprintf("user-%d", n), time.Duration(1+rnd.IntN(100))*time.Hour, grants()...), ""
		for range 40 {
			asked := grants()
			lives := time.Duration(1+rnd.IntN(200)) * time.Hour
			body, err := json.Marshal(map[string]any{"name": "minted", "permissions": permissionsOf(asked), "expires_in": lives.String()})
			if err != nil {
				t.Fatal(err)
			}
			res := a.call(minter, "POST", "/tokens", string(body))
			if res.Status == http.StatusForbidden {
				refused++
				continue
			}
			if ends := actor(minter).Ends; time.Now().Add(lives).After(ends) {
				if tooLong++; res.Status != http.StatusBadRequest || !strings.Contains(string(res.Body), ends.UTC().Format(time.RFC3339[:19])) {
					t.Fatalf("a token of %s by one that ends at %s: %v", lives, ends, res)
				}
				continue
			}
			var made newToken
			if err := json.Unmarshal(res.Body, &made); err != nil || res.Status != http.StatusCreated {
				t.Fatalf("%v, %v", res, err)
			}
			chains++
			from, to := actor(minter), actor(formatstest.As(made.Token))
			for _, repository := range append(repositories, access.Instance) {
				for _, action := range access.Actions {
					if may(to, action, repository) && !may(from, action, repository) {
						t.Fatalf("%+v minted %+v, which may %s in %s", from.Grants, to.Grants, action, repository)
					}
				}
			}
			if made.ExpiresAt == nil || end != "" && *made.ExpiresAt > end {
				t.Fatalf("a token outlives its minter: %v after %s", made.ExpiresAt, end)
			}
			minter, end = formatstest.As(made.Token), *made.ExpiresAt
		}
	}
	if refused == 0 || tooLong == 0 || chains == 0 {
		t.Errorf("%d refused, %d too long, %d minted: the test tests nothing", refused, tooLong, chains)
	}
}

func permissionsOf(grants []access.Grant) []map[string]any {
	out := make([]map[string]any, len(grants))
	for i, g := range grants {
		out[i] = map[string]any{"repository": g.Repository, "actions": g.Actions}
	}
	return out
}
