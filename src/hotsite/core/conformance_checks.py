"""What hotsite asks of a device: the table of checks, their bounds and fixes."""

from functools import partial

from hotsite.core import conformance_judges as judges
from hotsite.core.conformance import Check, Phase

CHECKS: tuple[Check, ...] = (
    Check(
        "connects",
        "Connects as its thing, and its telemetry is acknowledged",
        Phase.START,
        None,
        "",
        "Use the thing's name as client id, show the device's certificate, trust the"
        " given CA, and publish with QoS 1 on dt/<thing>/telemetry.",
        judges.connects,
    ),
    Check(
        "sni",
        "Each ClientHello asks for one of the owner's names (SNI)",
        Phase.START,
        None,
        "wrong",
        "Connect by name, never by address, and hand the same name to TLS as server"
        " name: AWS IoT chooses the domain configuration by it.",
        judges.sni,
    ),
    Check(
        "aws-names",
        "Knows no AWS endpoint",
        Phase.START,
        0.0,
        "names",
        "Take the endpoint from configuration: the owner's name follows a failover,"
        " a name of AWS is tied to its Region.",
        judges.aws_names,
    ),
    Check(
        "keep-alive",
        "Keep-alive is at most 60 s",
        Phase.START,
        60.0,
        "s",
        "Set the keep-alive to 30 s. AWS takes 30 to 1,200 s; with 1,200 s, the default"
        " of the AWS SDKs, an idle device notices a silent Region after 20 minutes.",
        judges.keep_alive,
    ),
    Check(
        "qos",
        "Telemetry has QoS 1",
        Phase.START,
        0.0,
        "PUBLISHes",
        "Publish with QoS 1 and keep a message until its PUBACK came, and longer: see"
        " no-loss.",
        judges.qos,
    ),
    Check(
        "format",
        "Telemetry messages have a key: epoch and sequence number",
        Phase.START,
        0.0,
        "messages",
        'Send {"sk": "%010d#%012d", "epoch": E, "seq": N, "published_at_s": T,'
        ' "data": {…}}; the stores know a message by its key, so that sending it twice'
        " is harmless.",
        judges.well_formed,
    ),
    Check(
        "subscribes",
        "Subscribes to its commands in each new session",
        Phase.START,
        0.0,
        "sessions",
        "Subscribe on each CONNACK without session present: the other Region knows"
        " nothing of the session that the first one had.",
        judges.subscribes,
    ),
    Check(
        "spacing",
        "CONNECTs to a Region are at least 1 s apart",
        Phase.START,
        1.0,
        "s",
        "Wait a second or more before the first new attempt, too: AWS IoT takes one"
        " CONNECT a second of a client id.",
        judges.spacing,
    ),
    Check(
        "inactive",
        "Keeps trying while its certificate is INACTIVE, and comes back",
        Phase.REFUSAL,
        60.0,
        "s",
        "Take a refusal for something that passes: try on with back-off, its longest"
        " wait at most 30 s, and never delete the certificate.",
        judges.inactive,
    ),
    Check(
        "back-off",
        "Waits longer after each refusal",
        Phase.REFUSAL,
        2.0,
        "times (at least)",
        "Double the longest wait after each failure, from 1 s up to 30 s; reset it only"
        " after some connected time.",
        judges.grows,
    ),
    Check(
        "jitter",
        "Waits are drawn by chance",
        Phase.REFUSAL,
        0.7,
        "of the waits the same",
        "Wait a random time between 0 and the longest wait (full jitter): a fleet that"
        " lost its Region at one instant otherwise knocks in step.",
        judges.jitter,
    ),
    Check(
        "notices",
        "Notices a Region that falls silent",
        Phase.FREEZE,
        45.0,
        "s",
        "Take a missing PUBACK or PINGRESP for the end of the connection after 5 to"
        " 10 s, and cap an attempt to connect at 5 s.",
        judges.notices,
    ),
    Check(
        "recovery-freeze",
        "Delivers elsewhere within 60 s after a Region fell silent",
        Phase.FREEZE,
        60.0,
        "s",
        "Notice sooner (see notices), resolve the name at each attempt (follows-dns),"
        " or hold the own names of both Regions, which need no DNS change.",
        partial(judges.recovery, "freeze"),
    ),
    Check(
        "recovery-kill",
        "Delivers elsewhere within 60 s after a Region died",
        Phase.KILL,
        60.0,
        "s",
        "Keep the longest wait at 30 s or below and resolve the name at each attempt,"
        " or hold the own names of both Regions, which need no DNS change.",
        partial(judges.recovery, "kill"),
    ),
    Check(
        "follows-dns",
        "Comes to the other Region at most TTL + 15 s after DNS changed",
        Phase.KILL,
        25.0,
        "s",
        "Resolve the name again at each attempt and keep no address beyond its TTL.",
        judges.follows_dns,
    ),
    Check(
        "attempts",
        "Is let in at the other Region with at most two CONNECTs",
        Phase.KILL,
        2.0,
        "CONNECTs",
        "Do not open a second connection while one is being answered, and do not give"
        " up an attempt before 5 s.",
        judges.few_attempts,
    ),
    Check(
        "no-loss",
        "No acknowledged message is missing after a Region died",
        Phase.KILL,
        0.0,
        "messages",
        "Keep messages after their PUBACK for as long as replication may lag (300 s),"
        " on disk, and send them again, or ask by dt/<thing>/resume, when you land in"
        " another Region. A PUBACK says that one Region has it.",
        judges.no_loss,
    ),
    Check(
        "gapless",
        "What was made while it was away is delivered later",
        Phase.KILL,
        0.0,
        "messages",
        "Queue while offline and deliver in order afterwards.",
        judges.gapless,
    ),
    Check(
        "no-duplicate",
        "A message has one key, and a key one message",
        Phase.START,
        0.0,
        "messages",
        "Count on across restarts: a new epoch (larger than the last) or a sequence"
        " number that is on disk. Send a message again under the key that it had.",
        judges.no_duplicate,
    ),
)
