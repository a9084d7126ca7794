"""The one exception that is meant for the person at the keyboard."""


class UserError(Exception):
    """A mistake the user can mend: the message says what, why, and what would work.

    `innerloop.command` prints it without a traceback and ends the run with a non-zero status.
    """
