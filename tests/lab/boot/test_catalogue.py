"""What `journalctl -x` tells of scpd's messages on a machine that the package was installed on."""

import re

from host import Host


def test_the_journal_explains_itself(host: Host, package):
    host.install(package)
    host.by_password()
    host.start()
    host.wait_status("1 in sync")
    host.lab.stop("emea")
    host.wait_status("incomplete: emea.corp.test", seconds=60)
    told = host.journal("--catalog", "--identifier=scpd")
    mark = "(?:--|░░)"  # by the machine's locale
    assert re.search(rf"^{mark} Subject: scpd has started$", told, re.M) and re.search(rf"^{mark} Defined-By: scpd$", told, re.M)
    assert host.journal("--output=verbose", "SCPD_DOMAIN=emea.corp.test")
