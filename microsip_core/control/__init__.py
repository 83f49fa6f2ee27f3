"""Control of a running phone from outside: launch grammar, control socket, event commands."""
