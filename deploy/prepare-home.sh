#!/bin/sh
# Before the first start: what the servers expect to find in the home. Harmless when repeated.
set -eu
home="${MMSEARCH_HOME:?}"
here="$(dirname "$0")"
mkdir -p "$home/mlflow" "$home/dagster"
cp "$here/dagster.yaml" "$home/dagster/dagster.yaml"
