"""The lab itself: what other tests rely on is true of it."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ldap
import ldap.controls.libldap
import pytest

from scplab import Lab, LabError, addresses, forest, message, plugin, scripted
from scplab.certs import BAD_KINDS
from scplab.forest import ACCOUNTS, CONFIGURATION, DOMAINS, GROUPS, PASSWORD, SVC
from scplab.process import start_ticks, wait_until

FOREST = Path(__file__).with_name("forest")
KEYS = [domain.key for domain in DOMAINS]
SCPD = forest.COPY_CONTAINER
PARENT = "import sys; sys.path.insert(0, sys.argv[1])\nfrom scplab import Lab\n"


def run_forest(*arguments, **options):
    return subprocess.run([FOREST, *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)


def assert_gone(document):
    """Nothing of the lab is left: no process, no listener, no file."""
    servers = document["domains"] + [document["gc"]]
    for server in servers:
        wait_until(lambda: start_ticks(server["pid"]) != server["started"], 10, f"the end of {server['name']}")
        with socket.socket() as probe:
            assert probe.connect_ex((server["address"], int(server["ldap"].rsplit(":", 1)[1]))) != 0
    wait_until(lambda: not Path(document["dir"]).exists(), 10, "the removal of the directory")


# ---- the forest


def test_each_domain_is_a_server_with_its_own_naming_context(lab):
    for domain in DOMAINS:
        dse = lab.domain(domain.key).root_dse()
        assert dse.one("defaultNamingContext") == domain.nc
        assert dse.one("rootDomainNamingContext") == "DC=corp,DC=test"
        assert dse.one("configurationNamingContext") == CONFIGURATION
        assert {nc.lower() for nc in dse["namingContexts"]} == {domain.nc.lower(), CONFIGURATION.lower()}
        assert lab.domain(domain.key).get("").one("dc") == domain.dns.split(".")[0]
    assert len({lab.server(key).address for key in KEYS}) == len(KEYS)


def test_configuration_names_the_domains_and_their_relations(lab):
    for key in KEYS:
        found = lab.domain(key).search("(&(objectClass=crossRef)(systemFlags:1.2.840.113556.1.4.803:=2))",
                                       "CN=Partitions," + CONFIGURATION)
        by_name = {entry.one("nETBIOSName"): entry for entry in found}
        assert set(by_name) == {"CORP", "EMEA", "APAC", "TREE"}
        assert {entry.one("systemFlags") for entry in found} == {"3"}
        root = by_name["CORP"].dn.lower()
        assert by_name["EMEA"].one("trustParent").lower() == root == by_name["APAC"].one("trustParent").lower()
        assert by_name["TREE"].one("rootTrust").lower() == root
        assert by_name["TREE"].one("dnsRoot") == "tree.test" and "trustParent" not in by_name["TREE"]


def test_the_pdc_emulator_is_found_from_the_domain_head(lab):
    for domain in DOMAINS:
        admin = lab.domain(domain.key)
        owner = admin.get("").one("fSMORoleOwner")
        assert owner.lower() == admin.root_dse().one("dsServiceName").lower()
        assert admin.get(owner.split(",", 1)[1]).one("dNSHostName") == "dc1." + domain.dns


def test_a_change_of_configuration_reaches_every_domain(fresh_lab):
    fresh_lab.domain("corp").add_container("CN=New,CN=Services," + CONFIGURATION)
    for key in [*KEYS, "gc"]:
        wait_until(lambda: fresh_lab.domain(key).get("CN=New,CN=Services," + CONFIGURATION), 10, f"its copy at {key}")


@pytest.mark.parametrize("key, expected", [
    ("corp", {"emea", "apac", "DomainDnsZones", "ForestDnsZones", "Configuration"}),
    ("emea", {"DomainDnsZones"}),
    ("tree", {"DomainDnsZones"})])
def test_a_subtree_search_returns_references_to_what_lies_below(lab, key, expected):
    references = lab.domain(key).references()
    assert {uri.split("/")[3].split(",")[0].split("=")[1] for uri in references} == expected


def test_a_search_below_another_domains_head_is_referred(lab):
    with pytest.raises(ldap.REFERRAL):
        lab.domain("corp").search(base="CN=System,DC=emea,DC=corp,DC=test")
    with pytest.raises(ldap.REFERRAL):
        lab.domain("emea").search(base="CN=System,DC=corp,DC=test")


def test_the_agent_of_the_root_finds_nothing_and_the_childs_finds_its_scp(lab):
    root = lab.agent_search()
    assert (root.found, root.returncode) == (0, 0)
    child = lab.agent_search(account="agent_emea")
    assert (child.found, len(child.bindings)) == (1, 5)


def test_the_global_catalog_shows_partial_objects_of_all_domains(fresh_lab):
    found = {entry.dn: entry for entry in fresh_lab.domain("gc").search("(keywords=QmmEx)", "")}
    assert len(found) == 1
    source = next(iter(found.values()))
    assert len(source["serviceBindingInformation"]) == 5 and "serviceClassName" not in source
    # From the empty base, as clients ask a GC: every tree of the forest at once.
    fresh_lab.domain("tree").add_scp("in-tree", "gc-probe", "b")
    fresh_lab.domain("apac").add_scp("in-apac", "gc-probe", "b")

    def seen():
        entries = fresh_lab.domain("gc").ldap.search_s("", ldap.SCOPE_SUBTREE, "(keywords=gc-probe)", ["cn"])
        return {dn.split(",")[0] for dn, _ in entries} == {"cn=in-tree", "cn=in-apac"}
    wait_until(seen, 10, "both at the global catalog")
    with pytest.raises(ldap.REFERRAL):
        fresh_lab.domain("gc").add_scp("x", "x", "x")


def test_groups_nest_over_domains_and_close_a_cycle(lab):
    members = {key: lab.domain(group.domain).get(group.dn)["member"] for key, group in GROUPS.items()}
    assert any("DC=emea" in dn or "dc=emea" in dn for dn in members["agents"])
    assert any("apac" in dn for dn in members["agents_emea"])
    assert GROUPS["agents"].dn.lower() in [dn.lower() for dn in members["agents_emea"]]
    assert lab.domain("corp").get(next(dn for dn in members["ghosts"] if "gone" in dn)) is None
    assert members["empty"] == []


def test_one_account_name_is_in_two_domains(lab):
    assert [len(lab.domain(key).search("(sAMAccountName=svc-ambiguous)")) for key in KEYS] == [0, 1, 1, 0]


# ---- accounts


@pytest.mark.parametrize("key", [*KEYS, "gc"])
@pytest.mark.parametrize("account", ["svc", "agent", "agent2", "reader"])
def test_accounts_of_the_root_bind_at_every_server(lab, key, account):
    connection = lab.connect(key, account)
    assert connection.ldap.whoami_s().lower() == "dn:" + ACCOUNTS[account].dn.lower()
    assert connection.get("CN=System")
    connection.close()


@pytest.mark.parametrize("account, password", [("disabled", PASSWORD), ("svc", "wrong")])
def test_a_disabled_account_and_a_wrong_password_are_refused(lab, account, password):
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        lab.connect("corp", account, password=password)


def test_anonymous_reads_the_root_dse_and_nothing_else(lab):
    connection = ldap.initialize(lab.server("emea").ldap)
    assert connection.search_s("", ldap.SCOPE_BASE, attrlist=["defaultNamingContext"])
    with pytest.raises(ldap.NO_SUCH_OBJECT):
        connection.search_s(lab.server("emea").domain.nc, ldap.SCOPE_SUBTREE)
    connection.unbind_s()


def test_no_account_reads_a_password(lab):
    for key in [*KEYS, "gc"]:
        connection = lab.connect(key, "svc")
        assert connection.search("(userPassword=*)", attributes=["userPassword"]) == []
        connection.close()


@pytest.mark.parametrize("key", KEYS)
def test_the_service_account_creates_changes_renames_and_deletes_scps_in_its_container(lab, key):
    svc = lab.connect(key)
    dn = svc.add_scp("one", ["k1"], ["b1"], SCPD, serviceClassName="c", msDS_Settings="scpd1;i=lab", description="d")
    svc.modify(dn, {"keywords": ["k2"]}, remove={"msDS-Settings": "scpd1;i=lab"}, add={"msDS-Settings": "scpd1;i=two"})
    dn = svc.rename(dn, "CN=two")
    assert svc.get(dn)["keywords"] == ["k2"]
    svc.delete(dn)
    assert svc.get(dn) is None
    svc.close()


FORBIDDEN = {
    "an SCP elsewhere in System": lambda c: c.add_scp("x", "k", "b", "CN=System"),
    "an SCP below a computer": lambda c: c.add_scp("x", "k", "b", "CN=DC1,OU=Domain Controllers"),
    "an SCP in Users": lambda c: c.add_scp("x", "k", "b", "CN=Users"),
    "a container in its container": lambda c: c.add_container("CN=x," + SCPD),
    "a user in its container": lambda c: c.add("CN=x," + SCPD, {"objectClass": "user", "sAMAccountName": "x"}),
    "a subclass of SCP": lambda c: c.add("CN=x," + SCPD, {"objectClass": "serviceAdministrationPoint"}),
    "an SCP below an SCP": lambda c: c.add_scp("x", "k", "b", "CN=theirs," + SCPD),
    "change the container": lambda c: c.modify(SCPD, {"description": "x"}),
    "delete the container": lambda c: c.delete(SCPD),
    "change an SCP elsewhere": lambda c: c.modify("CN=elsewhere,CN=System", {"keywords": "x"}),
    "delete an SCP elsewhere": lambda c: c.delete("CN=elsewhere,CN=System"),
    "move an SCP out": lambda c: c.rename("CN=theirs," + SCPD, "CN=theirs", "CN=System"),
    "move an SCP in": lambda c: c.rename("CN=elsewhere,CN=System", "CN=elsewhere", SCPD),
    "change the domain head": lambda c: c.modify("", {"description": "x"}),
    "change Configuration": lambda c: c.add_container("CN=x,CN=Services," + CONFIGURATION),
}


@pytest.fixture(scope="module")
def forbidden_ground(lab):
    for key in ("corp", "tree"):
        lab.domain(key).add_scp("theirs", "k", "b", SCPD)
        lab.domain(key).add_scp("elsewhere", "k", "b")


@pytest.mark.parametrize("key", ["corp", "tree"])
@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_service_account_may_do_nothing_else(lab, forbidden_ground, key, what):
    svc = lab.connect(key)
    # A replica of Configuration refers writers to the root, where they are refused.
    with pytest.raises((ldap.INSUFFICIENT_ACCESS, ldap.REFERRAL) if key == "tree" else ldap.INSUFFICIENT_ACCESS):
        FORBIDDEN[what](svc)
    svc.close()


@pytest.mark.parametrize("account", ["agent", "reader"])
def test_other_accounts_write_nothing(lab, account):
    connection = lab.connect("corp", account)
    with pytest.raises(ldap.INSUFFICIENT_ACCESS):
        connection.add_scp("x", "k", "b", SCPD)
    connection.close()


def test_a_client_certificate_is_the_service_account(lab):
    account = lab.document()["accounts"]["svc"]
    connection = ldap.initialize(lab.server("apac").ldaps)
    for option, value in ((ldap.OPT_X_TLS_CACERTFILE, str(lab.ca_file)),
                          (ldap.OPT_X_TLS_CERTFILE, account["client_certificate"]),
                          (ldap.OPT_X_TLS_KEYFILE, account["client_key"]), (ldap.OPT_X_TLS_NEWCTX, 0)):
        connection.set_option(option, value)
    connection.sasl_non_interactive_bind_s("EXTERNAL")
    assert connection.whoami_s().lower() == "dn:" + SVC.dn.lower()
    connection.unbind_s()


# ---- the server's behaviour


@pytest.fixture(scope="module")
def big_lab():
    with Lab(seed_scps=1500, gc=False) as one:
        yield one


def paged(connection, base, size):
    """(entries, last result code) of a paged search over seeded SCPs."""
    control = ldap.controls.libldap.SimplePagedResultsControl(True, size, "")
    found = 0
    while True:
        search = connection.search_ext(base, ldap.SCOPE_SUBTREE, "(keywords=lab-seed)", ["1.1"], serverctrls=[control])
        _, data, _, answered = connection.result3(search, timeout=30)
        found += sum(dn is not None for dn, _ in data)
        control.cookie = next(c.cookie for c in answered if c.controlType == control.controlType)
        if not control.cookie:
            return found


def test_an_unpaged_search_stops_at_1000_entries(big_lab):
    svc = big_lab.connect("emea")
    search = svc.ldap.search_ext(svc.nc, ldap.SCOPE_SUBTREE, "(keywords=lab-seed)", ["1.1"])
    found = 0
    with pytest.raises(ldap.SIZELIMIT_EXCEEDED):
        while True:
            _, data = svc.ldap.result(search, all=0, timeout=30)
            found += len(data)
    assert found == 1000
    svc.close()


@pytest.mark.parametrize("size", [1000, 7])
def test_a_paged_search_sees_all(big_lab, size):
    svc = big_lab.connect("emea")
    assert paged(svc.ldap, svc.nc, size) == 1500
    svc.close()


needs_plugin = pytest.mark.skipif(plugin.why_not() is not None, reason=str(plugin.why_not()))


@needs_plugin
def test_the_server_keeps_guid_usn_and_times(fresh_lab):
    emea = fresh_lab.domain("emea")
    before = int(emea.root_dse().one("highestCommittedUSN"))
    dn = emea.add_scp("probe", "k", "b")
    made = emea.get(dn)
    assert made.one("uSNCreated") == made.one("uSNChanged") == str(before + 1)
    assert made["objectClass"] == ["top", "leaf", "connectionPoint", "serviceConnectionPoint"]
    assert made.one("objectCategory").lower().startswith("cn=service-connection-point,cn=schema,")
    emea.modify(dn, {"keywords": ["k", "l"]})
    changed = emea.get(dn)
    assert (changed.guid, changed.one("uSNCreated")) == (made.guid, made.one("uSNCreated"))
    assert int(changed.one("uSNChanged")) == before + 2
    renamed = emea.get(emea.rename(dn, "CN=other\\, name"))
    assert (renamed.guid, renamed["cn"], int(renamed.one("uSNChanged"))) == (made.guid, ["other, name"], before + 3)
    assert "other, name" in renamed["name"]
    assert renamed.one("distinguishedName").lower() == renamed.dn.lower()
    assert int(emea.root_dse().one("highestCommittedUSN")) == before + 3


@needs_plugin
def test_usns_go_on_after_a_restart_and_a_kill(fresh_lab):
    emea = fresh_lab.domain("emea")
    emea.add_scp("probe", "k", "b")
    before = emea.root_dse().one("highestCommittedUSN")
    fresh_lab.stop("emea")
    fresh_lab.start("emea")
    assert fresh_lab.domain("emea").root_dse().one("highestCommittedUSN") == before


@needs_plugin
@pytest.mark.parametrize("what, attributes, length_ok", [
    ("a name of 64 characters of two bytes", {"name": "ä" * 64}, True),
    ("a name of 65 characters", {"name": "a" * 65}, False),
    ("a keyword of 256 characters of two bytes", {"keywords": "ä" * 256}, True),
    ("a keyword of 257 characters", {"keywords": "a" * 257}, False)])
def test_lengths_are_limited_in_characters(lab, what, attributes, length_ok):
    corp = lab.domain("corp")
    values = {"name": "length", "keywords": "k", "bindings": "b"} | attributes
    if length_ok:
        corp.delete(corp.add_scp(**values))
    else:
        with pytest.raises(ldap.CONSTRAINT_VIOLATION):
            corp.add_scp(**values)


@needs_plugin
def test_what_the_server_owns_is_not_the_clients_to_set(lab):
    svc = lab.connect("corp")
    dn = svc.add_scp("owned", "k", "b", SCPD)
    for name, value in (("objectGUID", b"0123456789abcdef"), ("uSNChanged", "1"), ("whenChanged", "20200101000000.0Z")):
        with pytest.raises(ldap.CONSTRAINT_VIOLATION):
            svc.modify(dn, {name: value})
        with pytest.raises(ldap.CONSTRAINT_VIOLATION):
            svc.add("CN=owned2," + SCPD, {"objectClass": "serviceConnectionPoint", name: value})
    svc.delete(dn)
    svc.close()


def test_without_the_plugin_there_is_entry_uuid_alone():
    with Lab(plugin=False, gc=False) as plain:
        emea = plain.domain("emea")
        made = emea.get(emea.add_scp("probe", "k", "b"))
        assert "objectGUID" not in made and "uSNChanged" not in made and made.one("entryUUID")
        assert "highestCommittedUSN" not in emea.root_dse()
        assert plain.agent_search(account="agent_emea").found == 1


def test_an_exact_value_swap_fails_when_somebody_was_there(lab):
    svc = lab.connect("corp")
    dn = svc.add_scp("swap", "k", "b", SCPD, msDS_Settings="old")
    with pytest.raises(ldap.NO_SUCH_ATTRIBUTE):
        svc.modify(dn, remove={"msDS-Settings": "other"}, add={"msDS-Settings": "new"})
    svc.delete(dn)
    svc.close()


def test_rfc4533_tells_of_a_change(fresh_lab):
    account = fresh_lab.document()["accounts"]["svc"]
    server = fresh_lab.server("emea")
    watch = subprocess.Popen(
        ["ldapsearch", "-x", "-LLL", "-H", server.ldaps, "-D", account["dn"], "-y", account["password_file"],
         "-E", "!sync=rp", "-b", server.domain.nc, "(&(objectClass=serviceConnectionPoint)(keywords=told))", "cn"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=fresh_lab.client_environment())
    try:
        fresh_lab.domain("emea").add_scp("told", "told", "b")
        assert any(line.startswith("cn: told") for line in watch.stdout)  # blocks until it comes
    finally:
        watch.kill()
        watch.communicate()


def test_restore_takes_every_change_back(fresh_lab):
    dn = fresh_lab.domain("corp").add_scp("probe", "k", "b")
    address = fresh_lab.server("corp").address
    fresh_lab.restore()
    assert fresh_lab.domain("corp").get(dn) is None
    assert fresh_lab.server("corp").address == address


# ---- faults


def test_a_stopped_server_refuses_and_comes_back(fresh_lab):
    fresh_lab.stop("apac")
    with pytest.raises(ldap.SERVER_DOWN):
        fresh_lab.connect("apac")
    assert fresh_lab.connect("emea").get("CN=System")
    fresh_lab.start("apac")
    assert fresh_lab.connect("apac").get("CN=System")


def test_a_paused_server_answers_nothing_until_resumed(fresh_lab):
    connection = ldap.initialize(fresh_lab.server("apac").ldap)
    fresh_lab.pause("apac")
    bind = connection.simple_bind(SVC.dn, PASSWORD)
    with pytest.raises(ldap.TIMEOUT):
        connection.result(bind, timeout=0.2)
    fresh_lab.resume("apac")
    assert connection.result(bind, timeout=10)[0] == ldap.RES_BIND
    connection.unbind_s()


# ---- several at once; nothing left behind


def test_labs_run_side_by_side():
    with ThreadPoolExecutor(4) as pool:
        documents = [json.loads(done.stdout) for done in pool.map(
            lambda n: run_forest("run", "--no-gc", "--", "sh", "-c", "cat $LAB_JSON"), range(4))]
    assert len({tuple(document["block"]) for document in documents}) == 4


def test_a_taken_block_is_left_for_another(monkeypatch):
    with Lab(gc=False) as first:
        blocks = iter([first.block, addresses.Block.pick()])
        monkeypatch.setattr(addresses.Block, "pick", classmethod(lambda cls: next(blocks)))
        with Lab(gc=False) as second:
            assert second.block != first.block
            assert second.agent_search(account="agent_emea").found == 1
        assert first.agent_search(account="agent_emea").found == 1


def test_a_lab_is_up_in_a_second_and_leaves_nothing():
    with Lab(gc=False):
        pass  # so that the cache is filled
    begin = time.monotonic()
    with Lab() as one:
        took = time.monotonic() - begin
        document = one.document()
    assert_gone(document)
    assert took < 5, "about a second on an idle machine; the bound is for a busy one"


def test_up_and_down_as_commands(scratch):
    directory = scratch / "lab"
    up = run_forest("up", directory)
    assert up.returncode == 0, up.stderr
    document = json.loads(up.stdout)
    assert document == json.loads((directory / "lab.json").read_text())
    again = run_forest("up", directory)
    assert again.returncode == 1 and "not empty" in again.stderr
    exports = run_forest("env", directory).stdout
    assert f"export LAB_EMEA_LDAPS={document['domains'][1]['ldaps']}\n" in exports
    assert run_forest("pause", directory, "emea").returncode == 0  # down() ends a frozen server too
    assert run_forest("down", directory).returncode == 0
    assert_gone(document)
    assert run_forest("down", directory).returncode == 0


def test_the_faults_as_commands(scratch):
    directory = scratch / "lab"
    document = json.loads(run_forest("up", directory, "--no-gc").stdout)
    address = (document["domains"][1]["address"], addresses.LDAP)
    try:
        assert run_forest("stop", directory, "emea").returncode == 0
        assert socket.socket().connect_ex(address) != 0
        assert run_forest("start", directory, "emea").returncode == 0
        assert socket.socket().connect_ex(address) == 0
        wrong = run_forest("stop", directory, "nowhere")
        assert wrong.returncode == 1 and "nowhere" in wrong.stderr
    finally:
        assert run_forest("down", directory).returncode == 0


def test_down_touches_no_other_folder(scratch):
    (scratch / "mine").mkdir()
    (scratch / "mine" / "file").write_text("x")
    refused = run_forest("down", scratch / "mine")
    assert refused.returncode == 1 and "holds no lab" in refused.stderr
    assert (scratch / "mine" / "file").exists()


def test_run_gives_the_commands_own_exit_code_and_leaves_nothing():
    done = run_forest("run", "--", "sh", "-c", "cat $LAB_JSON; exit 7")
    assert done.returncode == 7
    assert_gone(json.loads(done.stdout))


def up_in_a_child(ending):
    """Another process brings a lab up, tells of it, and then lives or ends by `ending` (Python)."""
    code = PARENT + f"with Lab() as lab:\n    print((lab.dir / 'lab.json').read_text(), end='\\0', flush=True)\n    {ending}\n"
    child = subprocess.Popen([sys.executable, "-c", code, str(FOREST.parent)], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    told = b""
    while not told.endswith(b"\0"):
        piece = os.read(child.stdout.fileno(), 65536)
        assert piece, "the child brought no lab up"
        told += piece
    return child, json.loads(told[:-1])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_parent_dies(number):
    child, document = up_in_a_child("import time; time.sleep(600)")
    child.send_signal(number)
    child.wait()
    child.stdout.close()
    assert_gone(document)


def test_nothing_is_left_when_the_parent_fails():
    child, document = up_in_a_child("raise RuntimeError")
    child.wait()
    child.stdout.close()
    assert_gone(document)


def test_too_long_a_path_is_refused_in_words(scratch):
    with pytest.raises(LabError, match="too long a path"):
        Lab(scratch / ("x" * 100)).up()
    assert not (scratch / ("x" * 100)).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="it is an ordinary user who runs these tests already")
def test_an_ordinary_user_may_run_it():
    with_its_own_cache = ("cache=$(mktemp -d); trap 'rm -rf $cache' EXIT; SCPLAB_CACHE=$cache "
                          f"PYTHONDONTWRITEBYTECODE=1 {sys.executable} {FOREST} run -- cat $0")
    script = f"""set -e; cd /; {with_its_own_cache.replace('cat $0', "sh -c 'cat $LAB_JSON'")}"""
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
                           "sh", "-c", script], capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"})
    assert done.returncode == 0, done.stderr
    assert_gone(json.loads(done.stdout))


# ---- Kerberos


def test_kerberos_logs_the_service_account_in_at_every_server():
    with Lab(kerberos=True) as lab:
        document = lab.document()
        environment = lab.client_environment()
        account = document["accounts"]["svc"]
        subprocess.run(["kinit", "-k", "-t", account["keytab"], account["principal"]], check=True, env=environment)
        for key in [*KEYS, "gc"]:
            who = subprocess.run(["ldapwhoami", "-Q", "-Y", "GSSAPI", "-H", lab.server(key).ldap], text=True,
                                 capture_output=True, env=environment, check=True)
            assert who.stdout.strip().lower() == "dn:" + SVC.dn.lower()
        kdc = document["kerberos"]
    assert start_ticks(kdc["pid"]) != kdc["started"]


# ---- certificates and the fault proxy


@pytest.mark.parametrize("kind", ["good", *BAD_KINDS])
def test_certificates_are_good_or_bad_as_asked(lab, kind):
    proxy = lab.proxy("corp", certificate=kind)
    context = ssl.create_default_context(cafile=lab.ca_file)
    with socket.create_connection((proxy.address, proxy.port), timeout=10) as plain:
        if kind == "good":
            with context.wrap_socket(plain, server_hostname=proxy.address) as wrapped:
                assert wrapped.version()
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                context.wrap_socket(plain, server_hostname=proxy.address)


@pytest.fixture
def proxy(lab):
    one = lab.proxy("emea")
    yield one
    one.close()


def through(lab, proxy, timeout=10):
    """A connection through the proxy, bound as the service account."""
    connection = ldap.initialize(proxy.uri)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(lab.ca_file))
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, timeout)
    connection.timeout = timeout
    connection.simple_bind_s(SVC.dn, PASSWORD)
    return connection


def containers(connection):
    return connection.search_s("DC=emea,DC=corp,DC=test", ldap.SCOPE_SUBTREE, "(objectClass=container)", ["1.1"])


def test_without_rules_the_proxy_is_not_noticed(lab, proxy):
    found = containers(through(lab, proxy))
    assert sorted(str(entry) for entry in found) == sorted(
        str(entry) for entry in containers(lab.domain("emea").ldap))
    assert proxy.count("bind-request") == proxy.count("search-request") == 1 and proxy.count() == 0


@pytest.mark.parametrize("operation, action, after, raised", [
    ("search-done", scripted.result(4), 0, ldap.SIZELIMIT_EXCEEDED),
    ("search-done", scripted.result(51, "busy"), 0, ldap.BUSY),
    ("search-done", scripted.result(10, referrals=("ldap://x/dc=x",)), 0, ldap.REFERRAL),
    ("search-entry", scripted.drop(), 2, ldap.SERVER_DOWN),
    ("search-entry", scripted.drop(reset=True), 2, ldap.SERVER_DOWN),
    ("search-request", scripted.drop(), 0, ldap.SERVER_DOWN),
    ("search-done", scripted.swallow(), 0, ldap.TIMEOUT),
    ("search-entry", scripted.freeze(), 1, ldap.TIMEOUT),
    ("search-entry", scripted.truncate(9), 0, ldap.TIMEOUT),
    ("bind-response", scripted.then(scripted.freeze()), 0, ldap.TIMEOUT),
    ("search-request", scripted.reply(lambda m: message.notice_of_disconnection()), 0, ldap.LDAPError)])
def test_a_search_meets_the_fault(lab, proxy, operation, action, after, raised):
    proxy.on(operation, action, after=after)
    with pytest.raises(raised):
        containers(through(lab, proxy, timeout=0.5))


def test_a_fault_at_the_bind(lab, proxy):
    proxy.on("bind-response", scripted.result(49))
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        through(lab, proxy)
    through(lab, proxy)  # once only


def test_a_server_that_accepts_and_never_answers(lab, proxy):
    proxy.on("connect", scripted.freeze())
    with socket.create_connection((proxy.address, proxy.port), timeout=0.3) as plain:
        with pytest.raises(TimeoutError):
            ssl.create_default_context().wrap_socket(plain, server_hostname=proxy.address)
    wait_until(lambda: proxy.open_connections() == 0, 10, "the end of the connection")


def test_a_page_without_its_control(lab, proxy):
    connection = through(lab, proxy)
    paging = ldap.controls.libldap.SimplePagedResultsControl(True, 2, "")
    proxy.on("search-done", scripted.strip_controls())
    for expected in (0, 1):
        search = connection.search_ext("DC=emea,DC=corp,DC=test", ldap.SCOPE_SUBTREE, serverctrls=[paging])
        kind, data, _, controls = connection.result3(search)
        assert (kind, len([dn for dn, _ in data if dn]), len(controls)) == (ldap.RES_SEARCH_RESULT, 2, expected)


def test_a_reference_put_into_the_answer(lab, proxy):
    proxy.on("search-done", scripted.before(lambda id: message.search_reference(id, "ldap://x.example/dc=x")))
    connection = through(lab, proxy)
    assert (None, ["ldap://x.example/dc=x"]) in containers(connection)


def test_trickled_answers_arrive_whole(lab, proxy):
    proxy.on("search-entry", scripted.trickle(size=50, interval=0.001))
    assert len(containers(through(lab, proxy))) == len(containers(lab.domain("emea").ldap))


def test_garbage_reaches_the_client(lab):
    plain = lab.proxy("emea", tls=False)
    plain.on("bind-response", scripted.garbage(b"\x99garbage"))
    with socket.create_connection((plain.address, plain.port), timeout=10) as client:
        client.sendall(bytes.fromhex("300c020101600702010304008000"))
        assert client.recv(100) == b"\x99garbage"
    plain.close()


def test_a_write_whose_answer_is_lost_is_done(lab, proxy):
    dn = f"CN=lost,{SCPD},DC=emea,DC=corp,DC=test"
    record = [("objectClass", [b"serviceConnectionPoint"]), ("cn", [b"lost"])]
    connection = through(lab, proxy)
    proxy.on("add-request", scripted.drop())
    with pytest.raises(ldap.SERVER_DOWN):
        connection.add_s(dn, record)
    assert lab.domain("emea").get(dn) is None
    connection = through(lab, proxy)
    proxy.on("add-response", scripted.drop())
    with pytest.raises(ldap.SERVER_DOWN):
        connection.add_s(dn, record)
    assert lab.domain("emea").get(dn) is not None
    assert proxy.count() == 2 and [seen.dn for seen in proxy.seen if seen.operation == "add-request"] == [dn, dn]
    lab.domain("emea").delete(dn)


def test_a_proxy_refuses_cuts_and_listens_again(lab, proxy):
    connection = through(lab, proxy)
    proxy.refuse()
    with pytest.raises(ldap.SERVER_DOWN):
        through(lab, proxy)
    assert containers(connection)
    proxy.cut()
    with pytest.raises(ldap.SERVER_DOWN):
        containers(connection)
    proxy.accept()
    assert containers(through(lab, proxy))
