package oci

import (
	"embed"
	"io/fs"

	"slipway/formats/setup"
)

//go:embed setup/*.txt
var setupFiles embed.FS

// Setup implements formats.Guided.
func (format) Setup() setup.Section {
	texts, err := fs.Sub(setupFiles, "setup")
	if err != nil {
		panic(err) // the folder's name is a valid one
	}
	return setup.Section{
		ID: "containers", Title: "Containers and charts", About: "Images and everything else that speaks OCI.", Of: "OCI", Things: "images",
		Note: "Image names have no place for a path, and this server is published below one. Give it a host name of its own to use it for images.",
		Saw:  saw, First: []setup.Block{{Text: "first"}}, Texts: texts, Clients: []setup.Client{
			{Name: "Docker", Blocks: []setup.Block{{About: "Log in, push and pull", Text: "docker"},
				{About: "This address has no TLS. In", File: "/etc/docker/daemon.json", Text: "docker-daemon"}}},
			{Name: "Helm", Blocks: []setup.Block{{About: "Push a chart", Text: "helm"}}},
			{Name: "ORAS", Blocks: []setup.Block{{About: "Push any file", Text: "oras"}}},
		},
		Install: []setup.Client{
			{Name: "Docker", Blocks: []setup.Block{{Text: "install_docker"}}},
			{Name: "Podman", Blocks: []setup.Block{{Text: "install_podman"}}},
			{Name: "crane", Blocks: []setup.Block{{Text: "install_crane"}}},
			{Name: "Helm, of a chart", Blocks: []setup.Block{{Text: "install_helm"}}},
			{Name: "ORAS", Blocks: []setup.Block{{Text: "install_oras"}}},
		},
	}
}
