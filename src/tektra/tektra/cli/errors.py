"""What the command line says when it cannot go on."""

EXIT_ERROR = 1
EXIT_NO_GRAPH = 4


class UserError(Exception):
    """One line for the person: the thing, the value and the fix."""

    def __init__(self, message: str, exit_code: int = EXIT_ERROR) -> None:
        super().__init__(message)
        self.exit_code = exit_code
