// Package suite pins the OCI distribution conformance suite, so that `go test` can run it from here.
package suite

import _ "github.com/opencontainers/distribution-spec/conformance"
