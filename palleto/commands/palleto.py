"""`palleto` and the commands below it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import get_completion_class, shell_complete

from palleto.cloud.__main__ import cloud
from palleto.cloud.command_line import OneOf, as_it_stands, start
from palleto.cloud.localstack import localstack
from palleto.commands.explain import explain
from palleto.commands.lab import lab
from palleto.commands.verdict import verdict
from palleto.lab.player.__main__ import play
from palleto.lab.publish.__main__ import publish
from palleto.program import STEPS, command_of, read
from steps.__main__ import diff

COMPLETION = "_PALLETO_COMPLETE"
"""The environment variable in which a shell asks."""
SHELLS = ("bash", "zsh", "fish")
STARTUP = """\
bash, in ~/.bashrc:                   eval "$(palleto completion bash)"
zsh, in ~/.zshrc:                     eval "$(palleto completion zsh)"
fish, in ~/.config/fish/config.fish:  palleto completion fish | source"""


class Steps(click.Group):
    """The steps, by their numbers; the file of one is read when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their numbers."""
        return [str(number) for number in STEPS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of one of them."""
        return command_of(int(cmd_name)) if cmd_name in self.list_commands(ctx) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write their titles."""
        with formatter.section("Steps"):
            formatter.write_dl([(str(number), read(number).title) for number in STEPS])


def help_alone() -> None:
    """Print a group's help where none of its commands was named."""
    context = click.get_current_context()
    if context.invoked_subcommand is None:
        print(context.get_help())


@click.group(cls=Steps, invoke_without_command=True, short_help="run a step of the talk")
def step() -> None:
    """Run a step of the talk: `palleto step 9 --pipelines 12`. Each has options of its own."""
    help_alone()


@click.command(short_help="what completes all this in bash, zsh or fish", epilog=as_it_stands(STARTUP))
@click.argument("shell", metavar="SHELL", type=OneOf(SHELLS))
def completion(shell: str) -> None:
    """Print what completes commands and options in a SHELL: bash, zsh or fish."""
    made: Any = get_completion_class(shell)
    print(made(palleto, {}, "palleto", COMPLETION).source())


class Overview(click.Group):
    """All commands on one screen, in the order in which a learner needs them, and the steps among them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in that order."""
        return list(self.commands)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write only the commands: the one option is `--help`."""
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each with its arguments and what it does."""
        rows = []
        for command, arguments in OVERVIEW.items():
            rows.append((f"{command.name} {arguments}", command.get_short_help_str()))
            if command is step:
                rows += [(f"  {number}", read(number).title) for number in STEPS]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Overview, invoke_without_command=True, options_metavar="", subcommand_metavar="COMMAND ...")
def palleto() -> None:
    """Demand-driven pipelines, to run and to break. Each command has a --help."""
    help_alone()


OVERVIEW = {
    lab: "[DIR]",
    step: "N ...",
    diff: "N N",
    play: "TRACE",
    explain: "TRACE",
    verdict: "TRACE",
    localstack: "...",
    cloud: "...",
    publish: "DIR",
    completion: "SHELL",
}
for _command in OVERVIEW:
    palleto.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line, and what its completion asks."""
    if asked := os.environ.get(COMPLETION):
        sys.exit(shell_complete(palleto, {}, "palleto", COMPLETION, asked))
    start(palleto, "palleto", arguments)
