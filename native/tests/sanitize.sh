#!/usr/bin/env bash
# Builds and runs the C tests under the address and undefined-behaviour sanitizers, then under the thread sanitizer, then
# with the code for systems other than Linux, as far as it runs on Linux.
set -euo pipefail
cd "$(dirname "$0")/../.."

check() {
    local folder=build/check-$1
    shift
    cmake -S native -B "$folder" -DMICROSIP_BINDING=OFF -DMICROSIP_TESTS=ON -DMICROSIP_WERROR=ON \
        -DCMAKE_BUILD_TYPE=RelWithDebInfo "$@" >/dev/null
    cmake --build "$folder" --parallel
    ctest --test-dir "$folder" --output-on-failure --parallel 2
}

check address -DMICROSIP_SANITIZE=address
check thread -DMICROSIP_SANITIZE=thread
check portable -DCMAKE_C_FLAGS=-U__linux__
