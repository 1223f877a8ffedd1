#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image: Python 3.11 or newer, and the packages of requirements.txt.
# With PIP_EXTRA_INDEX_URL set to an index of CPU-only builds of torch, the image is some gigabytes smaller.
set -euo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"

newest() {
  for python in python3.13 python3.12 python3.11; do
    if command -v "$python" >/dev/null && "$python" -c 'import ensurepip' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
}

if [ -z "$(newest)" ]; then
  apt-get update -qq
  apt-get install -qq --no-install-recommends python3.12 python3.12-venv ||
    apt-get install -qq --no-install-recommends python3.11 python3.11-venv
fi
"$(newest)" -m venv "$root/venv"
"$root/venv/bin/python" -m pip install --quiet -r "$root/source/requirements.txt"
chmod -R go= "$root/source"
