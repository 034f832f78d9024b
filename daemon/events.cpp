#include "daemon/events.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>

namespace scp {
namespace {

using enum EventKind;
using enum spdlog::level::level_enum;

// An ID is made once, at random (systemd-id128 new), and then stays with its kind for ever.
constexpr EventDoc events[] = {
    {started, info, "started", "4b7676db96ea400a87a181f01f30ed92", "scpd has started",
     "The settings were read without a problem. The first cycle begins at once.",
     "Nothing needs to be done. systemctl status scpd shows how things are, scpctl plan what is to "
     "be done."},
    {stopping, info, "stopping", "950bd49a7038484699564b73324ce53f", "scpd is asked to stop",
     "The service manager or a person asked scpd to end (SIGTERM or SIGINT). Writes that were sent "
     "are finished, all others are left untouched.",
     "Nothing needs to be done. Copies stay as they are while scpd is stopped, and go stale when "
     "their sources change."},
    {stopped, info, "stopped", "9afcea44961a41b4b10058ab80d54ac9", "scpd has stopped",
     "scpd has ended as it was asked to.", "Nothing needs to be done."},
    {stop_forced, warn, "stop-forced", "c56d9906c4b844d19bb89eccb71cdb03",
     "scpd left while a server still kept it waiting",
     "scpd was asked to stop, and a read or write that it had sent to a server was not answered in "
     "time. The write may have happened.",
     "Nothing needs to be done for the data: the next start reads everything and goes on from what "
     "it finds. Look at the server if this repeats."},
    {cannot_run, critical, "cannot-run", "96fd6aa621894cdbbe5ee060b37a87bb", "scpd cannot run",
     "The operating system refused something that scpd cannot do without, such as a file "
     "descriptor or a thread. The message says what.",
     "Look at the limits of the unit (LimitNOFILE=, TasksMax=, MemoryMax=), then start scpd "
     "again."},
    {settings_loaded, info, "settings-loaded", "e3f8ebae23a94f8b85133a8fc4bf69f2",
     "New settings are in force",
     "scpd was asked to load its settings anew and found no problem in them. A cycle with the new "
     "settings begins at once.",
     "Nothing needs to be done."},
    {settings_refused, err, "settings-refused", "ee5f6a0fdc3a4b4d811f8d2ee8a4410d",
     "The new settings have problems; the old ones stay in force",
     "scpd was asked to load its settings anew. The message says which file, line and key is "
     "wrong, and how. Nothing of the new settings was taken.",
     "Mend what the message names, see that scpctl config check finds nothing more, then: "
     "systemctl reload scpd"},
    {settings_doubtful, warn, "settings-doubtful", "e71446dfda9e4f6bab18301bf739b1b4",
     "The settings are allowed, but not what most people want",
     "The message says which key is meant and what follows from it.",
     "Read what config/scpd.yaml and scpd.yaml(5) say of that key. If it is meant so, nothing "
     "needs to be done."},
    {change_done, info, "change-done", "cbef1a7431474fd6a77dff7711e52b38", "A write was done",
     "The directory holds what was wanted. What was there before is in the history.",
     "Nothing needs to be done. scpctl history shows the write; scpctl undo takes it back, if the "
     "object has not changed since."},
    {change_failed, err, "change-failed", "4b1f6d06d5e247ee971efa1b42e8233b", "A write failed",
     "The server was asked to write and it is not so, or its answer did not come. The message says "
     "what came back.",
     "Where the server could not be reached, nothing needs to be done: scpd tries again by itself. "
     "Where rights are missing, scpctl preflight --grant prints what an administrator has to run. "
     "Else mend what the message names."},
    {change_skipped, err, "change-skipped", "b2f508d7875d4e4f9f2b83cee3e77c8a",
     "A write was not tried",
     "Something that came before it failed, such as the container of a copy, or scpd was asked to "
     "stop. The server was not asked to change anything.",
     "See the messages before this one. The next cycle plans the write again."},
    {change_held, warn, "change-held", "b0b6c29622e548d6a509e36f09ee3f3a", "A change is held",
     "scpd would change something and decided against it; SCPD_REASON says why, the message tells "
     "the details. Nothing is written until the reason ends.",
     "scpctl plan shows what is held, each with what to do about it; scpctl(1) explains each "
     "reason."},
    {change_no_longer_held, info, "change-no-longer-held", "4d90e00b94ee4ec08a43faa644a87053",
     "A change is not held any more",
     "The reason for which a change was held has ended, or there is nothing to change any more.",
     "Nothing needs to be done."},
    {nothing_written, err, "nothing-written", "a5efc08a752d462a987d19cf0896df88",
     "A whole cycle could not write",
     "Before each write scpd puts what was there into its history and looks whether a person has "
     "paused anything. That was not possible, so nothing was written at all. The message says what "
     "was wrong.",
     "Make room and rights for /var/lib/scpd (df, ls -ld), then wait for the next cycle or run: "
     "systemctl reload scpd"},
    {cycle_ended, info, "cycle-ended", "f7bef42df109402197f73c75adbe2bde", "A cycle has ended",
     "All domains were read and compared, and what was to be written was written or held. The "
     "message has the counts.",
     "Nothing needs to be done. What is held or was not done has a message of its own."},
    {approval_waiting, warn, "approval-waiting", "b57581c0c5e24dd4a4f44dd22aecfc8c",
     "A plan waits for a person",
     "The plan is over one of the limits in the settings, or would copy a source that was never "
     "copied before. scpd holds it until a person has approved exactly this plan.",
     "Look at it with scpctl plan. If it is meant, run the command that the message names; an "
     "approval is for this plan alone."},
    {domain_incomplete, warn, "domain-incomplete", "d6f5e08bd44142bca0d24d0ecb9c8257",
     "A domain could not be read whole",
     "No answer, a refusal or a partial answer came from a domain. Nothing is concluded from what "
     "is absent in it: its copies are kept, and changes that need it wait. Other domains are not "
     "affected.",
     "scpctl preflight and scpctl topology tell what is wrong: DNS, network, TLS, log-in or "
     "rights. scpd tries again by itself, and tells when the domain is read whole again."},
    {domain_complete, info, "domain-complete", "25f2db1c081a4c729b0e01abe063b55b",
     "A domain is read whole again",
     "A domain that could not be read has been read to its proved end.",
     "Nothing needs to be done."},
    {domain_answers, info, "domain-answers", "6a746f142fbe4f968b281d6766742259",
     "A domain answers again",
     "A domain that did not answer in an earlier cycle let itself be opened. A cycle that reads it "
     "begins at once.",
     "Nothing needs to be done."},
    {watching, info, "watching", "19dae398ed4447c4b47764a3d19871c1",
     "A domain is watched for changes",
     "scpd has a connection to the domain on which it learns of changes. The message says how.",
     "Nothing needs to be done. Where it says poll or usn and you expected more, see daemon.watch "
     "in scpd.yaml(5)."},
    {watch_lost, warn, "watch-lost", "5b03b197e82a46f78cce3f39ea343c6c",
     "A domain is not watched for changes",
     "The connection on which scpd learns of changes broke, or could not be opened. Until it comes "
     "back changes in that domain are seen at the next resync only.",
     "Nothing needs to be done if it comes back by itself within minutes. Else: scpctl preflight "
     "tells what is wrong with the domain."},
    {account_disabled, warn, "account-disabled", "10eb8a34270a49b2a0ef0dda78cd9711",
     "An account of a rule is disabled",
     "A rule names an account that is disabled in the directory. The copy for it is kept.",
     "Enable the account, or take it out of the rule's accounts if it is not used any more."},
    {state_unreadable, err, "state-unreadable", "07a963c54925484cabe796368d938ef9",
     "The pauses and approvals of this host cannot be read",
     "Nobody can know whether a person has paused something, so nothing is written at all.",
     "Mend or remove the file that the message names (state.json in /var/lib/scpd). After removing "
     "it nothing is paused and nothing approved."},
    {state_readable, info, "state-readable", "d76cc9ecc48e4298957d9267138cb7ec",
     "The pauses and approvals of this host can be read again",
     "The file that could not be read is whole again.", "Nothing needs to be done."},
    {history_incomplete, warn, "history-incomplete", "b5cc7e710c7b4b838c85a8a37917aeb6",
     "The history of this host could not be read whole",
     "A file of the history is damaged or not readable. A copy that somebody changes back again "
     "and again may be put right more often than it should; all else is as always.",
     "Move the file that the message names out of the way. What is left stays readable."},
    {metrics_listening, info, "metrics-listening", "c8a123190d434dac97503d6c4629fc32",
     "Metrics are served",
     "A port is open from which Prometheus can read metrics. The message says which.",
     "Nothing needs to be done."},
    {metrics_not_listening, warn, "metrics-not-listening", "6326281a62f1479d953b8a3640db2dc5",
     "Metrics are not served",
     "The address in metrics.listen could not be opened: mostly another program, or another scpd, "
     "has the port. scpd does its work all the same, and tries again after every cycle.",
     "See who has the port (ss -ltnp), or set another metrics.listen, or off, then: systemctl "
     "reload scpd"},
    {textfile_not_written, warn, "textfile-not-written", "97996c97f6944b68b608a831ccac8792",
     "The metrics file could not be written",
     "The file in metrics.textfile could not be replaced; the message says why. scpd does its work "
     "all the same, and tries again after every cycle.",
     "Let scpd write to the folder of that file (rights, and ReadWritePaths= in a drop-in of the "
     "unit), or leave metrics.textfile out."},
    {textfile_written, info, "textfile-written", "c17150446e5b4fa0a96a381c076c8f35",
     "The metrics file is written again",
     "The file in metrics.textfile could be replaced after it could not be.",
     "Nothing needs to be done."},
    {log_lost, warn, "log-lost", "29a7ddf14970483db302ab2e0b857db6",
     "Messages of the log were lost",
     "The journal, or whoever reads scpd's standard error, took nothing for so long that scpd "
     "threw messages away rather than wait. The message says how many. The work itself was not "
     "delayed.",
     "See why the reader of the log stands still (systemctl status systemd-journald). What was "
     "written to the directory meanwhile is in scpctl history."},
    {no_journal, warn, "no-journal", "76fb4ca00a984a158627318334d1b408", "The journal is not there",
     "The settings ask for the journal, and this machine has none. The log goes to standard error "
     "instead.",
     "Set log.target to auto or stderr."},
    {bus_missing, info, "bus-missing", "6d0f81bcabe94b6d821cb8cf8c6a431d", "There is no D-Bus",
     "The system bus could not be reached. scpd does its work all the same, and tries again; "
     "scpctl status, watch, resync and reload need the bus.",
     "Nothing needs to be done on a machine without D-Bus. Else: systemctl status dbus"},
    {bus_joined, info, "bus-joined", "393b3b849f994949a4936fc2bfd75f7a", "scpd is on D-Bus",
     "scpctl status, watch, resync and reload reach scpd from now on.",
     "Nothing needs to be done."},
    {bus_refused, warn, "bus-refused", "262d5f239c1344b7a216855c6760352e",
     "scpd could not take its name on D-Bus",
     "Another process has the name org.scpd1, or the bus does not let this user have it. scpd does "
     "its work all the same.",
     "See who has the name (busctl status org.scpd1) and whether the bus policy org.scpd1.conf is "
     "installed for the user that scpd runs as."},
    {bus_lost, warn, "bus-lost", "0e39922c0d4344a5ac5678ae8fc08b1f",
     "The connection to D-Bus is lost",
     "The system bus has ended or was restarted. scpd does its work all the same, and connects "
     "again by itself.",
     "Nothing needs to be done if it comes back by itself. Else: systemctl status dbus"},
    {bus_call, info, "bus-call", "a6607fa5b1ac41e3b780022ffe0c095f",
     "Somebody steers scpd over D-Bus",
     "A person or a program called a method of org.scpd1.Manager and was allowed to. The message "
     "tells which method, and the user.",
     "Nothing needs to be done. Who may do so is decided by polkit (action org.scpd1.manage)."},
    {no_progress, critical, "no-progress", "78fa0b9104e84943a8b43fd08a041769",
     "A cycle makes no progress; the watchdog will act",
     "For longer than any time-out allows, no call to a directory has ended. scpd does not feed "
     "the watchdog any more, so that systemd starts it anew.",
     "Nothing needs to be done for the data: what was sent before is found by the next start. Look "
     "at the servers (scpctl topology) if this repeats."},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < std::size(events); ++i)
        if (events[i].kind != static_cast<EventKind>(i))
            return false;
    return std::size(events) == static_cast<std::size_t>(no_progress) + 1;
}
static_assert(in_order(), "the table has a row for each kind, in the order of the enumeration");

/// Lines of at most 80 bytes, broken at spaces.
std::string wrapped(std::string_view text) {
    constexpr std::size_t width = 80;
    std::string out;
    while (text.size() > width) {
        const std::size_t space = text.rfind(' ', width);
        if (space == std::string_view::npos)
            break;
        out.append(text.substr(0, space)).append("\n");
        text.remove_prefix(space + 1);
    }
    return out.append(text).append("\n");
}

} // namespace

std::span<const EventDoc> all_events() {
    return events;
}

const EventDoc& doc_of(EventKind kind) {
    return events[static_cast<std::size_t>(kind)];
}

std::string catalog_text() {
    std::string out =
        "# What journalctl -x says of scpd's messages. Made from the table in daemon/events.cpp:\n"
        "# UPDATE_GOLDEN=1 unit_tests -tc='Events: the catalogue*' writes it anew.\n";
    for (const EventDoc& event : events)
        out += fmt::format("\n-- {}\nSubject: {}\nDefined-By: scpd\nDocumentation: man:scpd(8)\n\n"
                           "{}\n{}",
                           event.id, event.subject, wrapped(event.cause), wrapped(event.remedy));
    return out;
}

} // namespace scp
