package api

import "net/http"

var deployOperations = map[string]operation{
	"api.environments.list": {id: "listEnvironments", group: "Deployments", summary: "List the environments",
		query: paged(), answers: success("The environments, by name.", list[environmentJSON]{Items: []environmentJSON{environmentExample}})},
	"api.environments.create": {id: "createEnvironment", group: "Deployments", summary: "Make an environment",
		request: takes[environmentChange]("NewEnvironment", `{"name":"prod","description":"what customers use","tag":"production"}`, "name"),
		answers: created("The environment.", environmentExample, locationOf...), errors: []int{http.StatusConflict}},
	"api.environments.get": {id: "getEnvironment", group: "Deployments", summary: "Show what is wanted, recorded and running in an environment, now or then",
		query: []param{asOfParam}, answers: success("The environment and its services, as far as you may read what they run.", environmentStateExample)},
	"api.environments.change": {id: "changeEnvironment", group: "Deployments", summary: "Change an environment",
		about: "What the body does not name stays. A name can't change.", request: takes[environmentChange]("EnvironmentChange", `{"tag":"production"}`),
		answers: success("The environment.", environmentExample)},
	"api.environments.delete": {id: "deleteEnvironment", group: "Deployments", summary: "Delete an environment",
		answers: empty("Nothing runs there any more; its past stays.")},
	"api.environments.history": {id: "listEnvironmentHistory", group: "Deployments", summary: "List what ran in an environment, and when",
		query:   paged(param{name: "service", about: "Of this service only."}),
		answers: success("What ran, the newest first.", list[runJSON]{Items: []runJSON{{Service: "web", deployedJSON: deployedExample, Since: laterExample, Seq: 45}}})},
	"api.environments.stop": {id: "stopService", group: "Deployments", summary: "Record that a service runs nothing any more",
		answers: empty("It runs nothing; its past stays."), errors: []int{http.StatusConflict}},

	"api.deployments.list": {id: "listDeployments", group: "Deployments", summary: "List deployments",
		query: paged(param{name: "environment", about: "To this environment only."}, param{name: "service", about: "Of this service only."},
			param{name: "repository", about: "From this repository only."}, param{name: "status", about: "In this status only."},
			param{name: "purl", about: "Of this version only."}, param{name: "digest", about: "Of versions with this digest only."}),
		answers: success("The deployments, newest first.", list[deploymentJSON]{Items: []deploymentJSON{deploymentExample}})},
	"api.deployments.report": {id: "reportDeployment", group: "Deployments", summary: "Report a deployment",
		about: "The version is named by `purl`, by `digest`, or by both. A report with an `external_id` that is known for this environment and service continues that deployment.",
		request: takes[deploymentReport]("DeploymentReport", `{"environment":"prod","service":"web","repository":"main","purl":"pkg:npm/%40acme/web@1.4.2",`+
			`"status":"succeeded","external_id":"build-812"}`, "environment", "service", "repository", "status"),
		answers: append(created("The deployment.", deploymentExample, locationOf...), success("The deployment, which was known.", deploymentExample)...),
		errors:  []int{http.StatusConflict, http.StatusNotFound}},
	"api.deployments.get": {id: "getDeployment", group: "Deployments", summary: "Show a deployment", answers: success("The deployment.", deploymentExample)},
	"api.deployments.change": {id: "changeDeployment", group: "Deployments", summary: "Report how a deployment goes on",
		request: takes[deploymentChange]("DeploymentChange", `{"status":"rolled_back"}`),
		answers: success("The deployment.", deploymentExample), errors: []int{http.StatusConflict}},
}
