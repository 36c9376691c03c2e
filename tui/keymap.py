"""One place for every command: its name, default keys, footer text, palette entry and help text.

Bindings, footer, command palette, help screen and the tests are all made from `COMMANDS`; a command exists once.
Choices worth knowing:

- `scope` says where a command belongs and `MODES` which scopes a screen offers together. Within one mode no key stands
  for two commands; a test holds that, also for people's own keys (`keys_file.py`).
- Keys are in Textual's names (`full_stop`, `shift+tab`), several separated by commas; people may write `.` as well.
- A command without `label` is not in the footer; one without `title` is not in the palette.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from textual.binding import Binding
from textual.keys import format_key

Scope: TypeAlias = Literal[
    "everywhere", "home", "live", "replay", "panes", "cycle", "chart", "arrows", "scroll", "quit", "dialog"
]
Mode: TypeAlias = Literal["home", "live", "replay", "watch", "quit", "dialog"]

# What a screen offers, in the order of its footer.
MODES: Mapping[Mode, tuple[Scope, ...]] = {
    "home": ("everywhere", "home"),
    "live": ("everywhere", "live", "chart", "arrows", "cycle", "panes", "scroll"),
    "watch": ("everywhere", "chart", "arrows", "cycle", "panes", "scroll"),
    "replay": ("everywhere", "replay", "chart", "panes", "scroll"),
    "quit": ("quit",),
    "dialog": ("dialog",),
}

SCOPE_TITLES: Mapping[Scope, str] = {
    "everywhere": "Everywhere",
    "home": "Runs",
    "live": "While it trains",
    "replay": "Replay",
    "chart": "Chart",
    "arrows": "Crosshair and zoom",
    "panes": "Panes",
    "cycle": "From pane to pane",
    "scroll": "In a pane of text",
    "quit": "Leaving a run",
    "dialog": "Dialogs",
}

_LR = Binding.Group("lr", compact=True)
_SPEED = Binding.Group("speed", compact=True)
_SEEK = Binding.Group("seek", compact=True)


@dataclass(frozen=True)
class KeyCommand:
    """One thing a person can do. `action` is a Textual action, looked up on the screen (or the app, with `app.`)."""

    id: str
    scope: Scope
    keys: str
    action: str
    label: str  # footer
    title: str  # palette
    help: str
    group: Binding.Group | None = None
    display: str | None = None  # how the footer shows the key, where Textual's own name is long
    priority: bool = False

    def binding(self) -> Binding:
        """The Textual binding; its id is what people's own keys refer to."""
        return Binding(
            self.keys,
            self.action,
            self.label or self.title,
            show=bool(self.label),
            key_display=self.display,
            priority=self.priority,
            tooltip=self.help,
            id=self.id,
            group=self.group,
        )


# fmt: off
# id, scope, keys, action, footer, palette, help
COMMANDS: tuple[KeyCommand, ...] = (
    KeyCommand("app.help", "everywhere", "question_mark", "app.help", "help", "Help",
        "Keys, and every number on the screen in plain words."),
    KeyCommand("app.quit", "everywhere", "q", "app.ask_quit", "quit", "Quit",
        "Leave; while a run trains, first asks what to do with it."),
    KeyCommand("app.interrupt", "everywhere", "ctrl+c", "app.interrupt", "", "",
        "Asks like q; pressed again, saves and stops at once.", priority=True),
    KeyCommand("app.palette", "everywhere", "ctrl+p", "app.command_palette", "", "",
        "Find any command by typing a part of its name.", priority=True),
    # runs
    KeyCommand("home.new", "home", "n", "new_run", "new run", "New run",
        "Train a new model. Enter in the dialog starts the default."),
    KeyCommand("home.open", "home", "enter", "open_run", "open", "Open the run",
        "Open the highlighted run: replay it, or watch it if it is being trained.", display="enter"),
    KeyCommand("home.resume", "home", "r", "resume_run", "resume", "Resume the run",
        "Go on training an interrupted run exactly where it stopped."),
    KeyCommand("home.delete", "home", "d", "delete_run", "delete", "Delete the run",
        "Move the highlighted run to the trash, after a question."),
    KeyCommand("home.undo", "home", "u", "undo_delete", "undo", "Undo the delete",
        "Bring back the run deleted last."),
    KeyCommand("home.refresh", "home", "R,f5", "refresh_runs", "", "Read the list of runs again",
        "Read the list of runs again."),
    # while it trains
    KeyCommand("live.pause", "live", "space", "toggle_pause", "pause", "Pause or resume",
        "Hold training before its next step, or go on. The model stays loaded.", display="space"),
    KeyCommand("live.lr_down", "live", "minus", "scale_lr(-1)", "lower lr", "Lower the learning rate",
        "Learning rate divided by 1.1. The schedule keeps its shape.", group=_LR, display="-"),
    KeyCommand("live.lr_up", "live", "plus,equals_sign", "scale_lr(1)", "raise lr", "Raise the learning rate",
        "Learning rate times 1.1. The schedule keeps its shape.", group=_LR, display="+"),
    KeyCommand("live.dial", "live", "d", "turn_dial", "dial", "Turn a dial",
        "Turn any dial: type its name and its new position, such as dropout 0.1; several with commas."),
    KeyCommand("live.undo", "live", "u", "undo_turn", "undo", "Undo the last turn of a dial",
        "Take back the last turn of a dial; pressed again, the one before it."),
    KeyCommand("live.advice", "live", "a", "apply_advice(1)", "advice", "Follow the advice",
        "Do what the diagnosis advises; the line at the top says what that is."),
    KeyCommand("live.sample", "live", "s", "sample_now", "sample", "Sample now",
        "Let the model write a text now."),
    KeyCommand("live.prompt", "live", "i", "prompt", "", "Begin a text yourself",
        "Type a beginning; the model goes on from it, also while training is paused."),
    KeyCommand("live.predict", "live", "P", "predict", "", "What comes next?",
        "Type a text; the log says what the model thinks comes after it, with probabilities."),
    KeyCommand("live.save_named", "live", "C", "checkpoint_named", "", "Checkpoint with a name",
        "Save a checkpoint under a name of your own; it is never tidied away."),
    KeyCommand("live.back_to", "live", "B", "go_back_to", "", "Back to any checkpoint",
        "Go back to a checkpoint by its step or its name."),
    KeyCommand("live.evaluate", "live", "e", "evaluate_now", "eval", "Evaluate now",
        "Measure the loss on the whole validation split now."),
    KeyCommand("live.checkpoint", "live", "c", "checkpoint_now", "save", "Checkpoint now",
        "Save a checkpoint now."),
    KeyCommand("live.go_back", "live", "b", "go_back", "back", "Back to the best checkpoint",
        "Go on from the checkpoint with the lowest validation loss, after a question. Dials stay as they are."),
    KeyCommand("live.note", "live", "n", "note", "note", "Write a note",
        "Write a line into the run's log."),
    KeyCommand("live.lr_type", "live", "l", "type_lr", "type lr", "Type a learning rate",
        "Hold the learning rate at a value you type; nothing typed gives it back to the schedule."),
    KeyCommand("live.advance", "live", "full_stop", "advance", "one step", "One step, then pause",
        "Train one step, then pause.", display="."),
    KeyCommand("live.advance_many", "live", "N", "advance_many", "", "Some steps, then pause",
        "Train as many steps as you type, then pause."),
    KeyCommand("live.rewarm", "live", "w", "rewarm", "", "Warm the learning rate up again",
        "Let the learning rate climb from nothing to where the schedule has it, over as many steps as you type."),
    KeyCommand("live.alternative", "live", "A", "apply_advice(2)", "", "Follow the other advice",
        "Do the other thing the diagnosis offers, if there is one."),
    # replay
    KeyCommand("replay.toggle", "replay", "space", "toggle_play", "play/pause", "Play or pause",
        "Play the recording, or hold it.", display="space"),
    KeyCommand("replay.slower", "replay", "less_than_sign", "change_speed(-1)", "slower", "Play slower",
        "Half the speed.", group=_SPEED, display="<"),
    KeyCommand("replay.faster", "replay", "greater_than_sign", "change_speed(1)", "faster", "Play faster",
        "Twice the speed; the last one is as fast as it can.", group=_SPEED, display=">"),
    KeyCommand("replay.back", "replay", "left", "skip(-1)", "back", "Back a little",
        "Back by 5 seconds, or by 1% of a long run.", group=_SEEK, display="←"),
    KeyCommand("replay.forward", "replay", "right", "skip(1)", "forward", "Forward a little",
        "Forward by 5 seconds, or by 1% of a long run.", group=_SEEK, display="→"),
    KeyCommand("replay.next_event", "replay", "tab", "seek_event(1)", "next event", "Next event",
        "To the next evaluation, sample, command, checkpoint, rescue, verdict or warning.", display="tab"),
    KeyCommand("replay.previous_event", "replay", "shift+tab", "seek_event(-1)", "", "Previous event",
        "To the event before this moment."),
    KeyCommand("replay.far_back", "replay", "shift+left", "skip(-6)", "", "Back a lot",
        "Back by 30 seconds, or by 6% of a long run."),
    KeyCommand("replay.far_forward", "replay", "shift+right", "skip(6)", "", "Forward a lot",
        "Forward by 30 seconds, or by 6% of a long run."),
    KeyCommand("replay.start", "replay", "home", "seek_start", "", "To the start",
        "To the start of the recording."),
    KeyCommand("replay.end", "replay", "end", "seek_end", "", "To the end",
        "To the end of the recording."),
    KeyCommand("replay.crosshair_left", "replay", "ctrl+left", "crosshair(-1)", "", "Crosshair left",
        "Read the chart one column further left."),
    KeyCommand("replay.crosshair_right", "replay", "ctrl+right", "crosshair(1)", "", "Crosshair right",
        "Read the chart one column further right."),
    KeyCommand("replay.show_all", "replay", "ctrl+home", "show_all", "", "Show the whole chart",
        "The whole run in the chart."),
    KeyCommand("replay.follow", "replay", "ctrl+end", "follow", "", "Follow the newest steps",
        "The newest steps in the chart, moving along."),
    # chart
    KeyCommand("chart.log_y", "chart", "y", "log_y", "", "Logarithmic loss",
        "Loss axis logarithmic or linear."),
    KeyCommand("chart.x_axis", "chart", "x", "x_axis", "", "Change the x-axis",
        "X-axis in steps, tokens, time or epochs."),
    KeyCommand("chart.smoothing", "chart", "m", "smoothing", "", "Change the smoothing",
        "How much the bright line of the training loss is smoothed."),
    KeyCommand("chart.zoom_out", "chart", "left_square_bracket", "zoom(-1)", "", "Zoom out",
        "Show more of the run."),
    KeyCommand("chart.zoom_in", "chart", "right_square_bracket", "zoom(1)", "", "Zoom in",
        "Show less of the run, in more detail."),
    KeyCommand("chart.crosshair_left", "arrows", "left", "crosshair(-1)", "", "Crosshair left",
        "Read the chart one column further left."),
    KeyCommand("chart.crosshair_right", "arrows", "right", "crosshair(1)", "", "Crosshair right",
        "Read the chart one column further right."),
    KeyCommand("chart.crosshair_far_left", "arrows", "shift+left", "crosshair(-10)", "", "Crosshair far left",
        "Ten columns further left."),
    KeyCommand("chart.crosshair_far_right", "arrows", "shift+right", "crosshair(10)", "", "Crosshair far right",
        "Ten columns further right."),
    KeyCommand("chart.show_all", "arrows", "home", "show_all", "", "Show the whole chart",
        "The whole run in the chart."),
    KeyCommand("chart.follow", "arrows", "end", "follow", "", "Follow the newest steps",
        "The newest steps in the chart, moving along."),
    # panes
    KeyCommand("pane.next", "cycle", "tab", "app.focus_next", "", "Next pane",
        "To the next pane."),
    KeyCommand("pane.previous", "cycle", "shift+tab", "app.focus_previous", "", "Previous pane",
        "To the pane before."),
    KeyCommand("pane.loss", "panes", "1", "focus_pane('loss')", "", "Pane: loss",
        "To the loss chart."),
    KeyCommand("pane.vitals", "panes", "2", "focus_pane('vitals')", "", "Pane: machine",
        "To temperature, fans and power."),
    KeyCommand("pane.dials", "panes", "3", "focus_pane('dials')", "", "Pane: dials",
        "To the learning rate and the other settings."),
    KeyCommand("pane.sample", "panes", "4", "focus_pane('sample')", "", "Pane: sample",
        "To what the model writes."),
    KeyCommand("pane.log", "panes", "5", "focus_pane('log')", "", "Pane: log",
        "To the log."),
    KeyCommand("pane.maximise", "panes", "z", "maximise", "", "Maximise the pane",
        "The focused pane on the whole screen, and back."),
    KeyCommand("pane.back", "panes", "escape", "back", "", "Back",
        "One thing back: maximised pane, crosshair, and then to the list of runs."),
    KeyCommand("run.home", "panes", "enter", "leave_ended", "runs", "Back to the runs",
        "To the list of runs, when this one is over.", display="enter"),
    # in a pane of text
    KeyCommand("scroll.up", "scroll", "up", "scroll_lines(-1)", "", "",
        "One line up."),
    KeyCommand("scroll.down", "scroll", "down", "scroll_lines(1)", "", "",
        "One line down."),
    KeyCommand("scroll.page_up", "scroll", "pageup", "scroll_pages(-1)", "", "",
        "One page up."),
    KeyCommand("scroll.page_down", "scroll", "pagedown", "scroll_pages(1)", "", "",
        "One page down."),
    # leaving a run
    KeyCommand("quit.stop", "quit", "s", "choose('quit')", "", "",
        "Save a checkpoint, stop, and leave the program."),
    KeyCommand("quit.home", "quit", "h", "choose('home')", "", "",
        "Save a checkpoint, stop, and go to the list of runs."),
    KeyCommand("quit.keep", "quit", "k,escape", "choose('keep')", "", "",
        "Close the question; training was never interrupted."),
    # dialogs
    KeyCommand("dialog.cancel", "dialog", "escape", "cancel", "", "",
        "Close without doing anything."),
)
# fmt: on

BY_ID: Mapping[str, KeyCommand] = {command.id: command for command in COMMANDS}


def commands_in(*scopes: Scope) -> list[KeyCommand]:
    """The commands of some scopes, in the order of the scopes."""
    return [command for scope in scopes for command in COMMANDS if command.scope == scope]


def commands_for(mode: Mode) -> list[KeyCommand]:
    """What a kind of screen offers."""
    return commands_in(*MODES[mode])


def bindings_in(*scopes: Scope) -> list[Binding]:
    """Textual bindings for some scopes."""
    return [command.binding() for command in commands_in(*scopes)]


def refusals(mode: Mode) -> list[Binding]:
    """Bindings that explain why the commands of a live run do nothing here, on keys that mean nothing else."""
    taken = {key for command in commands_for(mode) for key in split_keys(command.keys)}
    return [
        Binding(key, f"refuse('{command.id}')", show=False)
        for command in commands_in("live")
        for key in split_keys(command.keys)
        if key not in taken
    ]


def live_refusals() -> list[Binding]:
    """The same explanations on the same keys, for a live run that is over and has its commands switched off."""
    return [Binding(command.keys, f"refuse('{command.id}')", show=False) for command in commands_in("live")]


def split_keys(keys: str) -> list[str]:
    """The single keys of a comma-separated list."""
    return [key.strip() for key in keys.split(",") if key.strip()]


def keys_of(command: KeyCommand, keymap: Mapping[str, str]) -> list[str]:
    """The keys a command has now, a person's own keys counted in."""
    return split_keys(keymap.get(command.id, command.keys))


def shown_keys(command: KeyCommand, keymap: Mapping[str, str]) -> str:
    """The keys of a command as people call them."""
    return " ".join(format_key_words(key) for key in keys_of(command, keymap))


def format_key_words(key: str) -> str:
    """A key as people call it: `ctrl+c`, `←`, `.`."""
    *modifiers, name = key.split("+")
    return "+".join([*modifiers, format_key(name)])


def find_clashes(keymap: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Keys that would stand for two commands on one screen: `(key, command id, other command id)`."""
    clashes: dict[tuple[str, str, str], None] = {}
    for mode in MODES:
        owner: dict[str, str] = {}
        for command in commands_for(mode):
            for key in keys_of(command, keymap):
                if owner.setdefault(key, command.id) != command.id:
                    clashes[(key, owner[key], command.id)] = None
    return list(clashes)
