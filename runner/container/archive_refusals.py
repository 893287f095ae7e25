"""Why something is not taken out of a container: each situation its own error, its text the reason of the outcome."""

import tarfile

_MAX_SHOWN = 100
_KINDS = {
    tarfile.DIRTYPE: "a folder",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


def kind_of(member: tarfile.TarInfo) -> str:
    """What a header says it is, as a person says it."""
    if member.issparse():
        return "a sparse file"
    if member.type in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        return f"{_KINDS[member.type]} to {shown(member.linkname)}"
    return "a file" if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) else _KINDS.get(member.type, "something else")


def shown(text: str) -> str:
    """A stranger's text in quotes: what cannot be printed is escaped, the length bounded."""
    quoted = ascii(text[: _MAX_SHOWN + 1])
    return quoted if len(text) <= _MAX_SHOWN else f"{quoted[:_MAX_SHOWN]}...'"


class ArchiveRefused(Exception):
    """What a container's archive holds is not what was asked for: the run is `invalid`, for this reason."""

    def __init__(self, path: str, what: str, remedy: str) -> None:
        super().__init__(f"{path}: not taken out of the container: {what}\n  {remedy}")


class NotARegularFile(ArchiveRefused):
    """A link, folder, device, pipe or sparse member where a file was asked for."""

    def __init__(self, path: str, found: str) -> None:
        super().__init__(
            path, f"found {found}, expected a regular file", "let the command write a regular file under that name"
        )


class NotAFolder(ArchiveRefused):
    """Anything else where a folder was asked for."""

    def __init__(self, path: str, found: str) -> None:
        super().__init__(path, f"found {found}, expected a folder", "leave it as it was when the command began")


class NameRefused(ArchiveRefused):
    """A name that was not asked for: another file, a way out of the folder, control characters, the same name again."""

    def __init__(self, path: str, name: str) -> None:
        super().__init__(
            path, f"the name {shown(name)} was not asked for", "nothing but what is declared can be read back"
        )


class TooLarge(ArchiveRefused):
    """More bytes than may be read, by the header; none of them was."""

    def __init__(self, path: str, size: int, most: int) -> None:
        super().__init__(
            path, f"{size} bytes, at most {most} are read", "write less, or ask for more room: resources.disk"
        )


class TooManyFiles(ArchiveRefused):
    """More files in a folder than may be read."""

    def __init__(self, path: str, most: int) -> None:
        super().__init__(path, f"it has more than {most} files", "each process of a run has one: start fewer")


class SizesDiffer(ArchiveRefused):
    """The engine's two words on the size of a file are not the same."""

    def __init__(self, path: str, told: object, found: int) -> None:
        super().__init__(
            path,
            f"the engine says it has {told} bytes, the archive says {found}",
            "let nothing write to it after the command has ended",
        )


class TornArchive(ArchiveRefused):
    """The archive ends early, or is none."""

    def __init__(self, path: str, how: str) -> None:
        super().__init__(path, f"the archive is damaged: {how}", "let nothing write there after the command has ended")


class CannotBeFollowed(ArchiveRefused):
    """A name the engine itself cannot make out: a link that leads to itself."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, f"the engine cannot read it ({why})", "let the command write a regular file there")
