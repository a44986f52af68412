package httpserver_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"slipway/formats"
	"slipway/formats/formatstest"
	"slipway/internal/httpserver"
	"slipway/registry"
	"slipway/registry/registrytest"
)

// site is a small front-end for tests of the code around handlers.
type site struct {
	begun chan struct{} // receives when wait or hang begins
	saw   chan http.Header
}

func newSite() *site {
	return &site{begun: make(chan struct{}, 16), saw: make(chan http.Header, 16)}
}

func (m *site) Mount(root *mux.Router, s *formats.Site) {
	router := root.PathPrefix("/t/").Subrouter()
	add := func(method, path, name string, public bool, h httpserver.Handler) {
		router.Handle(path, s.Handle(httpserver.Route{Format: "t", Name: "t." + name, Public: public}, plain, h)).Methods(method)
	}
	add("GET", "/file/{pkg}", "file", false, func(w http.ResponseWriter, r *http.Request) error {
		at := registry.Name{Repository: "main", Format: registrytest.Format, Package: mux.Vars(r)["pkg"]}
		f, err := s.Parts.Catalog.File(r.Context(), at.At("1"), "file")
		if err != nil {
			return err
		}
		return s.ServeFile(w, r, f, httpserver.FileOptions{})
	})
	add("PUT", "/sink", "sink", true, func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.Copy(io.Discard, r.Body)
		return errors.Join(err, httpserver.JSON(w, http.StatusOK, "ok"))
	})
	add("PUT", "/refuse", "refuse", true, func(http.ResponseWriter, *http.Request) error {
		return registry.Errorf(registry.Denied, registry.AboutRequest, "not here")
	})
	add("GET", "/panic", "panic", true, func(http.ResponseWriter, *http.Request) error { panic("something broke") })
	add("GET", "/panic-late", "panic_late", true, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "begun")
		panic("something broke late")
	})
	add("GET", "/echo", "echo", true, func(w http.ResponseWriter, r *http.Request) error {
		m.saw <- r.Header
		return httpserver.JSON(w, http.StatusOK, httpserver.RequestID(r.Context()))
	})
	add("GET", "/work", "work", true, func(w http.ResponseWriter, r *http.Request) error {
		m.begun <- struct{}{}
		_, err := io.Copy(io.Discard, r.Body)
		select { // the end of a body that was read long ago is no reason to give up
		case <-time.After(map[bool]time.Duration{true: 4500 * time.Millisecond, false: 300 * time.Millisecond}[r.URL.RawQuery == "long"]):
		case <-r.Context().Done():
			err = r.Context().Err()
		}
		return errors.Join(err, httpserver.JSON(w, http.StatusOK, "done"))
	})
	add("GET", "/wait", "wait", true, func(w http.ResponseWriter, r *http.Request) error {
		m.begun <- struct{}{}
		<-httpserver.Stopping(r.Context())
		return httpserver.JSON(w, http.StatusOK, "stopping")
	})
	add("GET", "/hang", "hang", true, func(_ http.ResponseWriter, r *http.Request) error {
		m.begun <- struct{}{}
		<-r.Context().Done()
		return r.Context().Err()
	})
	s.Fallback(root, router, "t", plain)
}

// plain is the shape of this front-end's errors.
func plain(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	httpserver.ErrorHeader(w.Header(), e)
	w.WriteHeader(httpserver.StatusOf(e))
	_, _ = io.WriteString(w, "t: "+e.Detail+" ("+httpserver.RequestID(r.Context())+")")
}

func get(path string) formatstest.Request { return formatstest.Request{Method: "GET", Path: path} }

func contains(s string, all ...string) bool {
	for _, part := range all {
		if !strings.Contains(s, part) {
			return false
		}
	}
	return true
}
