"""Every command of the app as data: its id, scope, default keys, action, and its texts for footer, palette and help.

`keymap.py` says which commands a screen offers.

Choices:
- Keys have Textual's names (`full_stop`, `shift+tab`), several separated by commas; a person's own keys file may
  write `.` as well.
- A command without `label` is not in the footer, one without `title` is not in the palette.
- The order within a scope is the order in the footer, which drops entries from the end: the way out of a screen
  comes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from textual.binding import Binding

KeyScope: TypeAlias = Literal[
    "everywhere",
    "home",
    "live",
    "replay",
    "panes",
    "cycle",
    "chart",
    "arrows",
    "scroll",
    "letters",
    "quit",
    "dialog",
    "picture",
    "samples",
    "talk",
]


@dataclass(frozen=True)
class KeyCommand:
    """One thing a person can do. `action` is a Textual action, looked up on the screen (or the app, with `app.`)."""

    id: str
    scope: KeyScope
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


_LR = Binding.Group("lr", compact=True)
_SPEED = Binding.Group("speed", compact=True)
_SEEK = Binding.Group("seek", compact=True)
_WALK = Binding.Group("in time", compact=True)
_PROMPT = Binding.Group("prompt", compact=True)
_SETTING = Binding.Group("turn", compact=True)
_TIME = Binding.Group("time", compact=True)
# fmt: off
# id, scope, keys, action, footer, palette, help
KEY_COMMANDS: tuple[KeyCommand, ...] = (
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
    KeyCommand("home.fork", "home", "f", "fork_run", "fork", "Fork the run",
        "Start a new run from a checkpoint of the highlighted one, with other settings."),
    KeyCommand("home.delete", "home", "d", "delete_run", "delete", "Delete the run",
        "Move the highlighted run to the trash, after a question."),
    KeyCommand("home.undo", "home", "u", "undo_delete", "undo", "Undo the delete",
        "Bring back the run deleted last."),
    KeyCommand("home.samples", "home", "S", "browse_samples", "samples", "Read its samples",
        "Everything the highlighted run wrote, through time."),
    KeyCommand("home.talk", "home", "i", "talk", "talk", "Talk to the model",
        "Talk to the best model that the highlighted run saved."),
    KeyCommand("home.refresh", "home", "R,f5", "refresh_runs", "", "Read the list of runs again",
        "Read the list of runs again."),
    KeyCommand("home.letters", "home", "L", "letters", "letters", "Letter board of the run",
        "Which letters the model of the highlighted run knows."),
    # while it trains
    KeyCommand("live.pause", "live", "space", "toggle_pause", "pause", "Pause or resume",
        "Hold training before its next step, or go on. The model stays loaded.", display="space"),
    KeyCommand("live.lr_down", "live", "minus", "step_dial(-1)", "lower lr", "Lower the learning rate",
        "Learning rate divided by 1.1, its schedule kept; or the dial chosen in pane 3.", group=_LR, display="-"),
    KeyCommand("live.lr_up", "live", "plus,equals_sign", "step_dial(1)", "raise lr", "Raise the learning rate",
        "Learning rate times 1.1, its schedule kept; or the dial chosen in pane 3.", group=_LR, display="+"),
    KeyCommand("live.dial", "live", "d", "turn_dial", "dial", "Turn a dial",
        "Turn any dial: type its name and its new position, such as dropout 0.1; several with commas."),
    KeyCommand("live.undo", "live", "u", "undo_turn", "undo", "Undo the last turn of a dial",
        "Take back the last turn of a dial; pressed again, the one before it."),
    KeyCommand("live.advice", "live", "a", "apply_advice(1)", "advice", "Follow the advice",
        "Do what the diagnosis advises; the line at the top says what that is."),
    KeyCommand("live.sample", "live", "s", "sample_now", "sample", "Sample now",
        "Let the model write a text now."),
    KeyCommand("live.save_named", "live", "C", "checkpoint_named", "", "Checkpoint with a name",
        "Save a checkpoint under a name of your own; it is never tidied away."),
    KeyCommand("live.rollback_to", "live", "B", "rollback_to", "", "Back to any checkpoint",
        "Go back to a checkpoint by its step or its name."),
    KeyCommand("live.evaluate", "live", "e", "evaluate_now", "eval", "Evaluate now",
        "Measure the loss on the whole validation split now."),
    KeyCommand("live.checkpoint", "live", "c", "checkpoint_now", "save", "Checkpoint now",
        "Save a checkpoint now."),
    KeyCommand("live.rollback", "live", "b", "rollback", "back", "Back to the best checkpoint",
        "Go on from the checkpoint with the lowest validation loss, after a question. Dials stay as they are."),
    KeyCommand("live.fork", "live", "f", "fork_run", "fork", "Fork the run",
        "Start a new run from a checkpoint of this one, with other settings; this one is saved and stops."),
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
        "To the next evaluation, sample, command, checkpoint, rescue, milestone, verdict or warning.", display="tab"),
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
    KeyCommand("chart.x_axis", "chart", "X", "x_axis", "", "Change the x-axis",
        "X-axis in steps, tokens, time or epochs."),
    KeyCommand("chart.speed", "chart", "t", "toggle_speed", "", "Tokens per second, or the loss",
        "The chart shows the speed in tokens per second in place of the losses, and back."),
    KeyCommand("chart.smoothing", "chart", "m", "smoothing", "", "Change the smoothing",
        "How much the bright line of the training loss is smoothed."),
    KeyCommand("chart.baselines", "chart", "g", "baselines", "", "Show or hide the baselines",
        "The faint lines at which models that only count letters end (unigram to 5-gram), on or off."),
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
    KeyCommand("run.samples", "panes", "S", "browse_samples", "samples", "Read the samples",
        "Everything the model wrote, through time; two steps or two runs side by side."),
    KeyCommand("run.talk", "panes", "i,P", "talk", "talk", "Talk to the model",
        "Type, see what it thinks comes next, and let it go on; also while it trains or is paused.", display="i"),
    KeyCommand("pane.maximise", "panes", "z", "maximise", "", "Maximise the pane",
        "The focused pane on the whole screen, and back."),
    KeyCommand("pane.back", "panes", "escape", "back", "", "Back",
        "One thing back: maximised pane, crosshair, and then to the list of runs."),
    KeyCommand("run.home", "panes", "enter", "leave_ended", "runs", "Back to the runs",
        "To the list of runs, when this one is over.", display="enter"),
    KeyCommand("run.letters", "panes", "L", "letters", "letters", "Letter board",
        "Which letters the model knows, as a small keyboard: how often it is right, what it mixes up."),
    KeyCommand("run.milestones", "panes", "M", "milestones", "milestones", "Milestones",
        "Everything that happened for the first time, with step and time."),
    # in a pane of text
    KeyCommand("scroll.up", "scroll", "up", "scroll_lines(-1)", "", "",
        "One line up; among the dials of a run that trains, to the dial before."),
    KeyCommand("scroll.down", "scroll", "down", "scroll_lines(1)", "", "",
        "One line down; among the dials of a run that trains, to the next dial, which - and + turn and d types."),
    KeyCommand("scroll.page_up", "scroll", "pageup", "scroll_pages(-1)", "", "",
        "One page up."),
    KeyCommand("scroll.page_down", "scroll", "pagedown", "scroll_pages(1)", "", "",
        "One page down."),
    # letter board
    KeyCommand("letters.close", "letters", "escape", "close", "back", "Back",
        "Back to where you came from.", display="esc"),
    KeyCommand("letters.left", "letters", "left", "move(-1, 0)", "", "",
        "To the letter on the left."),
    KeyCommand("letters.right", "letters", "right", "move(1, 0)", "", "",
        "To the letter on the right."),
    KeyCommand("letters.up", "letters", "up", "move(0, -1)", "", "",
        "To the letter above."),
    KeyCommand("letters.down", "letters", "down", "move(0, 1)", "", "",
        "To the letter below."),
    KeyCommand("letters.earlier", "letters", "left_square_bracket", "walk(-1)", "earlier", "Earlier evaluation",
        "To the evaluation before.", group=_TIME, display="["),
    KeyCommand("letters.later", "letters", "right_square_bracket", "walk(1)", "later", "Later evaluation",
        "To the evaluation after.", group=_TIME, display="]"),
    KeyCommand("letters.first", "letters", "home", "walk_to(0)", "", "First evaluation",
        "To the first evaluation."),
    KeyCommand("letters.newest", "letters", "end", "walk_to(-1)", "", "Newest evaluation",
        "To the newest evaluation, and along with those to come."),
    KeyCommand("letters.view", "letters", "v", "change_view", "view", "Keyboard, bars or tokens",
        "The letters as a keyboard, as bars by how common they are, or the most common tokens where there are any."),
    KeyCommand("letters.page_up", "letters", "pageup", "scroll_board(-1)", "", "",
        "One page up."),
    KeyCommand("letters.page_down", "letters", "pagedown", "scroll_board(1)", "", "",
        "One page down."),
    # reading samples
    KeyCommand("samples.close", "samples", "escape", "close", "back", "Back",
        "One thing back: the comparison, then the browser.", display="esc"),
    KeyCommand("samples.earlier", "samples", "left", "walk(-1)", "earlier", "Earlier sample",
        "The sample before this one.", group=_WALK, display="←"),
    KeyCommand("samples.later", "samples", "right", "walk(1)", "later", "Later sample",
        "The sample after this one.", group=_WALK, display="→"),
    KeyCommand("samples.first", "samples", "home", "walk_to(0)", "", "First sample",
        "The first sample of the run."),
    KeyCommand("samples.newest", "samples", "end", "walk_to(-1)", "", "Newest sample",
        "The newest sample."),
    KeyCommand("samples.previous_prompt", "samples", "up", "other_prompt(-1)", "prompt", "Prompt before",
        "The texts that go on from the prompt before, at the same step.", group=_PROMPT, display="↑"),
    KeyCommand("samples.next_prompt", "samples", "down", "other_prompt(1)", "prompt", "Next prompt",
        "The texts that go on from the next prompt, at the same step.", group=_PROMPT, display="↓"),
    KeyCommand("samples.pin", "samples", "space", "pin", "compare", "Pin and compare",
        "Hold this sample fast and walk on to compare others with it; again, or esc, lets it go.", display="space"),
    KeyCommand("samples.swap", "samples", "tab", "swap", "swap", "Swap the two samples",
        "The pinned sample and the other one change places.", display="tab"),
    KeyCommand("samples.other_run", "samples", "r", "choose_run", "other run", "Compare with another run",
        "Choose a run from the list: its sample of the same moment stands beside this one."),
    KeyCommand("samples.alignment", "samples", "m", "change_alignment", "same step/share", "Same step or same share",
        "Of the other run the sample of the nearest step, or after the same share of the run."),
    KeyCommand("samples.page_up", "samples", "pageup", "scroll_cards(-1)", "", "",
        "A long text: one page up."),
    KeyCommand("samples.page_down", "samples", "pagedown", "scroll_cards(1)", "", "",
        "A long text: one page down."),
    # talking
    KeyCommand("talk.go_on", "talk", "enter", "go_on", "go on", "Let the model go on",
        "The model goes on from the text; with nothing typed it goes on writing.", display="enter"),
    KeyCommand("talk.close", "talk", "escape", "close", "stop/back", "Stop writing, or back",
        "Stops the text being written, and then goes back.", display="esc"),
    KeyCommand("talk.again", "talk", "ctrl+r", "again", "again", "Another continuation",
        "Another continuation of the same text.", display="^r"),
    KeyCommand("talk.next_setting", "talk", "tab", "choose_setting(1)", "setting", "Next setting",
        "The next setting: temperature, top-k, top-p, min-p, repetition; ↑ and ↓ turn it.", display="tab"),
    KeyCommand("talk.previous_setting", "talk", "shift+tab", "choose_setting(-1)", "", "Previous setting",
        "The setting before."),
    KeyCommand("talk.setting_up", "talk", "up", "turn_setting(1)", "turn", "Turn the setting up",
        "The chosen setting one step up; /temperature 0.55 types any value.", group=_SETTING, display="↑"),
    KeyCommand("talk.setting_down", "talk", "down", "turn_setting(-1)", "turn", "Turn the setting down",
        "The chosen setting one step down.", group=_SETTING, display="↓"),
    KeyCommand("talk.forget", "talk", "ctrl+l", "forget", "forget", "Forget the conversation",
        "Begin a new conversation.", display="^l"),
    KeyCommand("talk.page_up", "talk", "pageup", "scroll_talk(-1)", "", "",
        "The text: one page up."),
    KeyCommand("talk.page_down", "talk", "pagedown", "scroll_talk(1)", "", "",
        "The text: one page down."),
    KeyCommand("talk.help", "talk", "f1", "app.help", "help", "Help",
        "Keys and commands; the question mark is a letter here.", display="f1"),
    # leaving a run
    KeyCommand("quit.stop", "quit", "s", "choose('quit')", "", "",
        "Save a checkpoint, stop, and leave the program."),
    KeyCommand("quit.home", "quit", "h", "choose('home')", "", "",
        "Save a checkpoint, stop, and go to the list of runs."),
    KeyCommand("quit.keep", "quit", "k,escape", "choose('keep')", "", "",
        "Close the question; training was never interrupted."),
    # everywhere, dialogs included
    KeyCommand("app.picture", "picture", "x,f12", "app.picture", "", "Picture of the screen",
        "A picture of this screen, SVG and PNG, in the run's folder or else here. F12 does it where x is a letter."),
    # dialogs
    KeyCommand("dialog.cancel", "dialog", "escape", "cancel", "", "",
        "Close without doing anything."),
)
