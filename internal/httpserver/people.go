package httpserver

import (
	"net/http"

	"slipway/registry"
)

// ErrorPage shows a person an error of a front-end that is for programs. The header has what the protocol says, such as Allow, and no type of a body.
type ErrorPage func(w http.ResponseWriter, r *http.Request, e *registry.Error, status int)

// ShowErrors sets the page that ForPeople shows; nil: people are told what programs are. A Mounter calls it when it is mounted.
func (s *Server) ShowErrors(page ErrorPage) { s.errorPage = page }

// ForPeople is render, but for people: who opens the address of a file in a browser is shown a page, with the status that render gives the
// error. The challenge of a 401 is then the one for which browsers ask for a password. All clients of protocols get what render writes.
func (s *Server) ForPeople(render Renderer) Renderer {
	return func(w http.ResponseWriter, r *http.Request, e *registry.Error) {
		if s.errorPage == nil || !Navigates(r) {
			render(w, r, e)
			return
		}
		h := w.Header()
		said := &unsent{header: h}
		render(said, r, e)
		h.Del("Content-Type")
		h.Del("Content-Length")
		closedToPages(h) // a page may greet who is logged in
		if e.Kind == registry.Unauthenticated {
			h.Set("Www-Authenticate", basicChallenge)
		}
		s.errorPage(w, r, e, said.status)
	}
}

// Navigates reports whether a browser asks for something to show it as a page. The Accept header of every browser then names text/html and
// application/xhtml+xml before all else; of package managers, some name the former: old pip, and what is made with Java's own client. Newer
// browsers also say what they do (Fetch Metadata, where the address is https or this machine).
func Navigates(r *http.Request) bool {
	if r.Method != http.MethodGet || Accepts(r.Header, "text/html") < 1 || Accepts(r.Header, "application/xhtml+xml") < 1 {
		return false
	}
	mode := r.Header.Get("Sec-Fetch-Mode")
	return mode == "" || mode == "navigate"
}

// unsent is an answer of which status and header alone are wanted.
type unsent struct {
	header http.Header
	status int
}

func (u *unsent) Header() http.Header { return u.header }

func (u *unsent) WriteHeader(status int) {
	if u.status == 0 {
		u.status = status
	}
}

func (u *unsent) Write(p []byte) (int, error) {
	u.WriteHeader(http.StatusOK)
	return len(p), nil
}
