package main

import (
	"testing"

	"slipway/cmd/slipway/internal/commandtest"
)

func TestMain(m *testing.M) { commandtest.Main(m) }
