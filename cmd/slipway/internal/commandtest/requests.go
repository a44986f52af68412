package commandtest

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// Put stores a raw file and returns status and answer; status 0 is a broken connection.
func (s *Server) Put(token, path string, body []byte) (int, string) {
	req, err := http.NewRequest(http.MethodPut, s.URL+path, bytes.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	return s.Send(token, req)
}

// Get reads a path; status 0 is a broken connection.
func (s *Server) Get(token, path string) (int, string) {
	req, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
	if err != nil {
		s.T.Fatal(err)
	}
	return s.Send(token, req)
}

// Send makes a request with a token.
func (s *Server) Send(token string, req *http.Request) (int, string) {
	req.SetBasicAuth("token", token)
	resp, err := (&http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(got)
}

// MustPut stores a raw file.
func (s *Server) MustPut(token, path, content string) {
	s.T.Helper()
	if status, body := s.Put(token, path, []byte(content)); status != http.StatusCreated {
		s.T.Fatalf("PUT %s: %d %s", path, status, body)
	}
}
