#!/usr/bin/env bash
# Builds and runs the C tests under the address and undefined-behaviour sanitizers, then under the thread sanitizer.
set -euo pipefail
cd "$(dirname "$0")/../.."

for sanitizer in address thread; do
    folder=build/sanitize-$sanitizer
    cmake -S native -B "$folder" -DMICROSIP_BINDING=OFF -DMICROSIP_TESTS=ON -DMICROSIP_WERROR=ON \
        -DMICROSIP_SANITIZE=$sanitizer -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
    cmake --build "$folder" --parallel
    ctest --test-dir "$folder" --output-on-failure
done
