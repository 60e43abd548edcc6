"""The English words by which names, kinds of things, verbs and roles are told."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CALENDAR = _words(
    """
    january february march april june july august september october november december jan feb mar apr
    jun jul aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mondays
    tuesdays wednesdays thursdays fridays saturdays sundays easter christmas am pm
    """
)
UNITS = _words("eur usd gbp chf sek nok dkk jpy kg km kw kwh mw mwh ntu mb gb hz khz ghz °c utc gmt cet")
TITLES = _words("mr mrs ms miss dr prof professor sir dame lord lady captain capt president minister judge")
ORGANISATIONS = _words(
    """
    agency association authority bank board bureau club college commission committee company co
    corporation corp council department directorate federation foundation fund gmbh group inc institute
    limited llc ltd ministry office organisation organization party plc school society trust union
    university works ironworks
    """
)
PLACES = _words(
    """
    airport basin bay beach bridge burn canal cape castle chapel church city county cove creek district
    ground harbour harbor head hill hospital house island islands isle lake lane library mole mount
    mountain museum park pass peninsula pier point port quay republic river road sea sound square
    station strait street tower town valley village
    """
)
ROLES = _words(
    """
    accountant administrator ambassador analyst architect author chair chairman chairwoman chancellor
    chief clerk commissioner coordinator curator deputy designer developer director editor engineer
    founder governor head inspector keeper lawyer manager master mayor minister officer owner pilot
    president professor secretary surveyor teacher treasurer
    """
)
AUXILIARIES = _words(
    """
    is are was were be been being has have had does do did will would can could may might must shall
    should isn't wasn't hasn't didn't doesn't won't can't couldn't
    """
)
VERBS = _words(
    """
    acts approves asks became become becomes began begins belongs bought bring brings broke brought
    builds built buys came carries chairs chose comes connects contains controls cost costs covers
    creates dates depends describes develops drew drives elects employs ended ends feeds fell finds
    follows forms fought found gave gets gives goes governs grew heads held helps hires holds includes
    invents joins keeps kept knew knows laid lay lead leads leaves led left lent lets lies links lives
    looks lost made maintains makes manages marries means measures meets met moves names needs offers
    opens operates ordered orders owns paid passes pays plays produces proposes provides publishes puts
    ran reads receives replaces reports represents requires rests runs said sailed saw says sees sells
    sends sent serves sets shows sits sold speaks sponsors stands starts stood supplies supports takes
    taught teaches tells took treats understands uses visits went wins won works writes wrote
    """
)
PREPOSITIONS = _words(
    """
    above after against alongside among at before behind below beneath beside between beyond by for from
    in inside into near of off on onto opposite outside over round since through to towards under until
    up via with within without
    """
)
DETERMINERS = _words(
    "the a an its his her their our this that these those some any each every which who also"
)
