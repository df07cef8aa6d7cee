#!/bin/sh
# flynn.sh INTEROP BUILD-FOLDER: against flynn/noise (Go), from packages alone,
# without a network.
set -eu
interop=$1
build=$2/flynn
here=$(cd "$(dirname "$0")" && pwd)
export GO111MODULE=off GOFLAGS= GOPROXY=off GOCACHE="$build/cache"

command -v go >/dev/null || {
	echo "skipped: go is not installed (golang-go)"
	exit 77
}
GOPATH=$(go env GOPATH):/usr/share/gocode
export GOPATH
go list github.com/flynn/noise >/dev/null 2>&1 || {
	echo "skipped: flynn/noise is not installed" \
		"(golang-github-flynn-noise-dev)"
	exit 77
}
mkdir -p "$build"
go build -o "$build/peer" "$here/flynn.go"
# 1,500 echoes each way: each direction is rekeyed twice.
for mode in noise psk link; do
	for role in dial accept; do
		"$interop" $mode $role 1500 "$build/peer"
	done
done
