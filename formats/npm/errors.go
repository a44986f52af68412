package npm

import (
	"net/http"
	"strings"

	"slipway/internal/httpserver"
	"slipway/registry"
)

// codes are stable names of failures, for programs; clients print only the sentence.
var codes = map[int]string{
	http.StatusBadRequest:            "EBADREQUEST",
	http.StatusUnauthorized:          "EUNAUTHORIZED",
	http.StatusForbidden:             "EFORBIDDEN",
	http.StatusNotFound:              "ENOTFOUND",
	http.StatusMethodNotAllowed:      "EMETHOD",
	http.StatusConflict:              "ECONFLICT",
	http.StatusRequestEntityTooLarge: "ETOOLARGE",
	http.StatusTooManyRequests:       "ETOOMANY",
	http.StatusInsufficientStorage:   "ENOSPACE",
	http.StatusServiceUnavailable:    "EUNAVAILABLE",
	http.StatusInternalServerError:   "EINTERNAL",
}

// failure is an error body. npm and Yarn print "error", others "message" (npm.md 2.1).
type failure struct {
	Error     string `json:"error"`
	Message   string `json:"message"`
	Code      string `json:"code"`
	RequestID string `json:"requestId,omitempty"`
}

// bearerChallenge makes npm say that the token is not valid and hint at npm login.
const bearerChallenge = `Bearer realm="Slipway"`

// renderError answers every failure of this front-end, also of its router.
func renderError(w http.ResponseWriter, r *http.Request, e *registry.Error) {
	status := statusOf(e)
	if status == http.StatusUnauthorized && w.Header().Get("Www-Authenticate") == "" {
		w.Header().Set("Www-Authenticate", bearerChallenge)
	}
	httpserver.ErrorHeader(w.Header(), e)
	text := e.Detail
	if text == "" {
		text = strings.ToLower(http.StatusText(status))
	}
	code := codes[status]
	if e.Kind == registry.Blocked {
		code = "EBLOCKED"
	}
	if code == "" {
		code = "EFAILED"
	}
	body := failure{Error: text, Message: text, Code: code, RequestID: httpserver.RequestID(r.Context())}
	if httpserver.WithReason(w, r, e, status, "application/json", body) {
		return
	}
	_ = httpserver.JSON(w, status, body) // strings always encode
}

// statusOf is the table from kinds to status codes. 409 is for a stale revision only: release tools take it as "already
// published" and skip the package (npm.md 5.6).
func statusOf(e *registry.Error) int {
	switch {
	case e.Kind == registry.AlreadyExists || e.Kind == registry.Conflict:
		return http.StatusForbidden
	case e.Kind == registry.PreconditionFailed && e.Subject == registry.AboutPackage:
		return http.StatusConflict
	}
	return httpserver.StatusOf(e)
}

// overPublished is the error for a version that exists; release tools look for these words (npm.md 5.6).
func overPublished(version string, cause error) error {
	return &registry.Error{Kind: registry.AlreadyExists, Subject: registry.AboutVersion, Err: cause,
		Detail: "You cannot publish over the previously published versions: " + version + "."}
}

// updateConflict is the error for a document that another client has changed meanwhile.
func updateConflict() error {
	return registry.Errorf(registry.PreconditionFailed, registry.AboutPackage, "Document update conflict")
}
