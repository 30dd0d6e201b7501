#!/usr/bin/env bash
# Builds the archives of a release into dist: one for each platform, with the SBOM of its
# program next to it, and SHA256SUMS over all. `make release` calls it and sets GO,
# LDFLAGS, VERSION and SBOM. The same commit gives the same bytes: times are the commit's.
set -euo pipefail
cd "$(dirname "$0")/.."

umask 022
rm -rf dist
mkdir dist
time=$(git log -1 --format=%ct)

for platform in "$@"; do
  name=credenza-$VERSION-${platform/\//-}
  mkdir "dist/$name"
  GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 \
    $GO build -buildvcs=false -ldflags "$LDFLAGS" -o "dist/$name/credenza" ./cmd/credenza
  cp LICENSE NOTICE README.md CHANGELOG.md "dist/$name/"
  cp -R docs "dist/$name/docs"
  mkdir "dist/$name/systemd"
  cp deploy/systemd/* "dist/$name/systemd/"
  "$SBOM" bin -json -noserial -version "$VERSION" -output "dist/$name.cdx.json" "dist/$name/credenza"
  tar --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner -C dist -cf - "$name" |
    gzip -9n >"dist/$name.tar.gz"
  rm -r "dist/${name:?}"
  echo "dist/$name.tar.gz"
done

cd dist
sha256sum -- *.tar.gz *.cdx.json >SHA256SUMS
