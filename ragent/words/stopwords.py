"""English words that say how a sentence is built, not what it is about."""

STOP_WORDS: frozenset[str] = frozenset(
    """
    a about above across after afterwards again against ago all almost along already also although
    always am amid among amongst an and another any anybody anyhow anyone anything anyway anywhere
    apart are around as aside at away
    be became because become becomes becoming been before beforehand behind being below beneath
    beside besides between beyond both but by
    can cannot could
    did do does doing done down due during
    each either else elsewhere enough etc even ever every everybody everyone everything everywhere
    except
    few for from further furthermore
    had has have having he hence her here hereby herein hers herself him himself his how however
    i if in indeed instead into is it its itself
    just
    many may maybe me meanwhile might mine more moreover most mostly much must my myself
    namely neither never nevertheless next no nobody none nonetheless noone nor not nothing now
    nowhere
    of off often on once only onto or other others otherwise ought our ours ourselves out over
    per perhaps please
    rather re
    seem seemed seeming seems shall she should since so some somebody somehow someone something
    sometime sometimes somewhere still such
    than that the their theirs them themselves then thence there thereafter thereby therefore
    therein thereof these they this those though through throughout thru thus to together too toward
    towards
    under unless unlike until unto up upon us
    versus very via
    was we well were what whatever when whence whenever where whereafter whereas whereby wherein
    whereupon wherever whether which whichever while whither who whoever whole whom whose why will
    with within without would
    yes yet you your yours yourself yourselves
    """.split()  # noqa: SIM905
)
