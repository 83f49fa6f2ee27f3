"""``microsip-config``: the flags that compile and link a C program against this package's C library."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from microsip_core import __version__

_PACKAGE = Path(__file__).parent.parent
_EPILOG = """\
examples:
  gcc program.c $(microsip-config --cflags --libs) -o program
  export PKG_CONFIG_PATH=$(microsip-config --pkg-config-path); pkg-config --cflags --libs microsip
"""


def include_folder() -> Path:
    """Return where microsip.h is: in the installed package, or in the source tree."""
    installed = _PACKAGE / "include"
    return installed if (installed / "microsip.h").exists() else _PACKAGE.parent / "native" / "client" / "include"


def library() -> Path | None:
    """Return the path of libmicrosip, None where this installation has none."""
    return next((path for path in (_PACKAGE / "lib").glob("libmicrosip.*") if path.suffix in (".so", ".dylib")), None)


def compile_flags() -> str:
    """Return what the compiler is to be told."""
    return f"-I{_quoted(include_folder())}"


def link_flags(folder: Path) -> str:
    """Return what the linker is to be told; the program finds the library where it is now."""
    return f"-L{_quoted(folder)} -lmicrosip -Wl,-rpath,{_quoted(folder)}"


def _quoted(path: Path) -> str:
    return str(path).replace(" ", "\\ ")


def pkg_config_file(folder: Path) -> str:
    """Return the text of microsip.pc."""
    return (f"Name: microsip\nDescription: SIP softphone engine\nVersion: {__version__}\n"
            f"Cflags: {compile_flags()}\nLibs: {link_flags(folder)}\n")


def main(arguments: list[str] | None = None) -> int:
    """Print what is asked for; 1 where there is no C library."""
    parser = argparse.ArgumentParser(
        "microsip-config", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cflags", action="store_true", help="flags for the compiler")
    parser.add_argument("--libs", action="store_true", help="flags for the linker")
    parser.add_argument("--library", action="store_true", help="the path of the library, for ctypes and the like")
    parser.add_argument("--pkg-config-path", action="store_true", help="write microsip.pc and print its folder")
    parser.add_argument("--version", action="version", version=__version__)
    asked = parser.parse_args(arguments)
    found = library()
    if found is None:
        print("microsip-config: this installation has no C library: install a C compiler, then microsip-core again",  # noqa: T201
              file=sys.stderr)
        return 1
    parts = []
    if asked.cflags:
        parts.append(compile_flags())
    if asked.libs:
        parts.append(link_flags(found.parent))
    if asked.library:
        parts.append(str(found))
    if asked.pkg_config_path:
        (found.parent / "microsip.pc").write_text(pkg_config_file(found.parent))
        parts.append(str(found.parent))
    if not parts:
        parser.print_help()
    print(" ".join(parts))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
