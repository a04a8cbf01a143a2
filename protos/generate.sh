#!/usr/bin/env bash
# Makes everything that is generated, at its place below the directory $1. From the protos: rollbook/v1 (messages,
# services, typed stubs), rollbook/models.py and docs/api.md; from each asyncio module rollbook/_async_X.py its synchronous
# twin rollbook/_X.py. `make protos` calls it for the repository itself, `make check-protos` for a temporary directory.
set -euo pipefail
export LC_ALL=C  # the order of the files, hence of the models, is the same everywhere
[ $# -eq 1 ] || { echo "usage: protos/generate.sh DIRECTORY" >&2; exit 2; }
target=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

python=.venv-protos/bin/python
plugins=$PWD/.venv-protos-mypy/bin
protos=(protos/rollbook/v1/*.proto)
services=(protos/rollbook/v1/*_service.proto)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

"$python" -m grpc_tools.protoc -I protos \
    --plugin=protoc-gen-mypy="$plugins/protoc-gen-mypy" \
    --python_out="$fresh" --mypy_out=quiet:"$fresh" \
    --include_source_info --descriptor_set_out="$fresh/descriptors.binpb" \
    "${protos[@]}"
"$python" -m grpc_tools.protoc -I protos \
    --plugin=protoc-gen-mypy_grpc="$plugins/protoc-gen-mypy_grpc" \
    --grpc_python_out="$fresh" --mypy_grpc_out=quiet:"$fresh" \
    "${services[@]}"
"$python" protos/models.py "$fresh/descriptors.binpb" > "$fresh/rollbook/models.py"
"$python" -m protos.api_docs "$fresh/descriptors.binpb" > "$fresh/api.md"
mkdir "$fresh/twins"
"$python" protos/sync_client.py "$fresh/twins" clients/python/rollbook/_async_*.py
for twin in "$fresh"/twins/*.py; do  # through a pipe: there is no configuration beside the file itself
    .venv/bin/ruff check --quiet --select I,UP028 --unsafe-fixes --fix-only - < "$twin" \
        | .venv/bin/ruff format --quiet - > "$fresh/rollbook/$(basename "$twin")"
done
echo '"""The generated messages and services of the API; made by make protos, do not edit."""' \
    > "$fresh/rollbook/v1/__init__.py"

# Replaced whole, and only now: a removed proto leaves no old modules behind, a broken one leaves everything in place.
package=$target/clients/python/rollbook
mkdir -p "$package" "$target/docs"
rm -rf "$package/v1"
mv "$fresh/rollbook"/* "$package/"
mv "$fresh/api.md" "$target/docs/"
