"""What `journalctl -x` tells of scpd's messages on a machine that the package was installed on."""

from host import Host


def test_the_journal_explains_itself(host: Host, package):
    host.install(package)
    host.by_password()
    host.start()
    host.wait_status("1 in sync")
    host.lab.stop("emea")
    host.wait_status("incomplete: emea.corp.test", seconds=60)
    told = host.journal("--catalog", "--identifier=scpd")
    assert "-- Subject: scpd has started\n" in told and "-- Defined-By: scpd\n" in told
    assert host.journal("--output=verbose", "SCPD_DOMAIN=emea.corp.test")
