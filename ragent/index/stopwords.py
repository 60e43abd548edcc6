"""English words that say how a sentence is built, not what it is about."""

STOP_WORDS: frozenset[str] = frozenset(
    """
    a about above across after afterwards again against ago all almost along already also although
    always am amid among amongst an and another any anybody anyhow anyone anything anyway anywhere
    apart are around as aside at away
    be became because become becomes becoming been before beforehand behind being below beneath
    beside besides between beyond both but by
    came can cannot come comes could
    did do does doing done down due during
    each either else elsewhere enough etc even ever every everybody everyone everything everywhere
    except
    few for from further furthermore
    gave get gets getting give given gives giving go goes going gone got
    had has have having he hence her here hereby herein hers herself him himself his how however
    i if in indeed instead into is it its itself
    just
    keep keeps kept knew know known knows
    let lets like likely
    made make makes making many may maybe me meanwhile might mine more moreover most mostly much
    must my myself
    namely near need neither never nevertheless next no nobody none nonetheless noone nor not
    nothing now nowhere
    of off often on once one ones only onto or other others otherwise ought our ours ourselves out
    over own
    per perhaps please put puts
    quite
    rather re really regarding
    said same saw say saying says see seeing seem seemed seeming seems seen several shall she should
    show showed showing shown shows since so some somebody somehow someone something sometime
    sometimes somewhere still such
    take taken takes taking tell tells than that the their theirs them themselves then thence there
    thereafter thereby therefore therein thereof these they thing things this those though through
    throughout thru thus to together told too took toward towards
    under unless unlike until unto up upon us use used uses using
    versus very via
    want wanted wants was way ways we well went were what whatever when whence whenever where
    whereafter whereas whereby wherein whereupon wherever whether which whichever while whither who
    whoever whole whom whose why will with within without would
    yes yet you your yours yourself yourselves
    """.split()  # noqa: SIM905
)
