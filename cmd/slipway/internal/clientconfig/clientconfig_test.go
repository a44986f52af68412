package clientconfig

import (
	"strings"
	"testing"
)

func target(client string) (Client, Target) {
	t := Target{Server: "https://slipway.example.com", Repository: "main", Token: "slp_new", ID: "slipway",
		Env: func(key string) string { return map[string]string{"HOME": "/home/jane"}[key] }}
	for _, c := range Clients() {
		if c.Name == client {
			return c, t
		}
	}
	panic("no client " + client)
}

// TestMerge: what a user has in a client's file stays, with its comments and order, and a second run changes nothing but
// the token.
func TestMerge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		client, old, want string
		file              int
	}{
		{"npm", "# mine\nfund=false\n@other:registry=https://other.example.com/\n//slipway.example.com/npm/main/:_authToken=slp_old\n",
			"# mine\nfund=false\n@other:registry=https://other.example.com/\n//slipway.example.com/npm/main/:_authToken=slp_new\nregistry=https://slipway.example.com/npm/main/\n", 0},
		{"yarn", "# mine\nnodeLinker: node-modules # really\n",
			"# mine\nnodeLinker: node-modules # really\nnpmRegistryServer: \"https://slipway.example.com/npm/main\"\nnpmRegistries:\n  //slipway.example.com/npm/main:\n    npmAuthToken: \"slp_new\"\n    npmAlwaysAuth: true\nnpmPreapprovedPackages:\n  - \"*\"\n  - \"@*/*\"\n", 1},
		{"pip", "[global]\n; slow\ntimeout = 60\nindex-url = https://other.example.com/simple\n\n[install]\nuser = true\n",
			"[global]\n; slow\ntimeout = 60\nindex-url = https://__token__:slp_new@slipway.example.com/pypi/main/simple/\n\n[install]\nuser = true\n", 0},
		{"twine", "[distutils]\nindex-servers =\n    other\n\n[other]\nrepository = https://other.example.com/\npassword = x\n",
			"[distutils]\nindex-servers =\n    other\n    slipway\n\n[other]\nrepository = https://other.example.com/\npassword = x\n\n[slipway]\nrepository = https://slipway.example.com/pypi/main/\nusername = __token__\npassword = slp_new\n", 0},
		{"uv", "# mine\n[[index]]\nname = \"slipway\"\nurl = \"https://old.example.com/\"\n\n[pip]\nstrict = true\n",
			"# mine\n[pip]\nstrict = true\n\n[[index]]\nname = \"slipway\"\nurl = \"https://__token__:slp_new@slipway.example.com/pypi/main/simple/\"\npublish-url = \"https://__token__:slp_new@slipway.example.com/pypi/main/\"\ndefault = true\n", 0},
		{"poetry", "[http-basic.other]\nusername = \"u\"\n", "[http-basic.other]\nusername = \"u\"\n\n[http-basic.slipway]\nusername = \"__token__\"\npassword = \"slp_new\"\n", 1},
		{"gradle", "org.gradle.daemon=false\n", "org.gradle.daemon=false\nslipwayUrl=https://slipway.example.com/maven/main\nslipwayUsername=token\nslipwayPassword=slp_new\n", 0},
		{"docker", `{"auths":{"other.example.com":{"auth":"x"}},"credsStore":"desktop","detachKeys":"ctrl-x"}`,
			"{\n\t\"auths\": {\n\t\t\"other.example.com\": {\n\t\t\t\"auth\": \"x\"\n\t\t},\n\t\t\"slipway.example.com\": {\n\t\t\t\"auth\": \"dG9rZW46c2xwX25ldw==\"\n\t\t}\n\t},\n\t\"credHelpers\": {\n\t\t\"slipway.example.com\": \"\"\n\t},\n\t\"credsStore\": \"desktop\",\n\t\"detachKeys\": \"ctrl-x\"\n}\n", 0},
		{"helm", "", "{\n\t\"auths\": {\n\t\t\"slipway.example.com\": {\n\t\t\t\"auth\": \"dG9rZW46c2xwX25ldw==\"\n\t\t}\n\t}\n}\n", 0},
	} {
		known, at := target(c.client)
		merge := known.Files(at)[c.file].Merge
		got, err := merge(c.old)
		if err != nil || got != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.client, err, got, c.want)
		}
		if again, err := merge(got); err != nil || again != got {
			t.Errorf("%s: a second run changes the file: %v\n%s", c.client, err, again)
		}
	}
}

// TestMavenSettings: servers, profiles and comments of a settings.xml stay, whatever its lists look like.
func TestMavenSettings(t *testing.T) {
	t.Parallel()
	known, at := target("mvn")
	merge := known.Files(at)[0].Merge
	for name, old := range map[string]string{
		"none":     "",
		"empty":    "<settings/>",
		"a server": "<?xml version=\"1.0\"?>\n<!-- ours -->\n<settings>\n  <servers>\n    <!-- keep -->\n    <server><id>other</id><password>p</password></server>\n  </servers>\n  <profiles/>\n</settings>\n",
		"ours":     "<settings><servers><server><id> slipway </id><password>slp_old</password></server></servers><activeProfiles><activeProfile>slipway</activeProfile></activeProfiles></settings>",
	} {
		got, err := merge(old)
		if name == "empty" {
			if err == nil {
				t.Errorf("%s: it was taken: %s", name, got)
			}
			continue
		}
		if err != nil || strings.Count(got, "<password>slp_new</password>") != 1 || strings.Contains(got, "slp_old") || strings.Count(got, "<activeProfile>slipway") != 1 ||
			strings.Count(got, "<profile>") != 1 || strings.Count(got, "<server>") != 1+strings.Count(old, "<id>other") || strings.Contains(old, "keep") && !strings.Contains(got, "<!-- keep -->\n    <server><id>other") {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
		if again, err := merge(got); err != nil || again != got {
			t.Errorf("%s: a second run changes the file: %v\n%s", name, err, again)
		}
	}
	if _, err := merge("<settings><servers>"); err == nil {
		t.Error("a broken file was taken")
	}
}
