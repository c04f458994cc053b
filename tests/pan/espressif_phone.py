"""A phone that shares no line with ours: ``srp`` and Espressif's generated messages.

A program of its own: `espressif_phone.py ADDRESS POP`, because ``srp`` switches to
RFC 5054 for a whole process, and the messages' descriptors can be loaded once in one.
"""

import http.client
import json
import sys

import srp
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from esp_protocomm.proto import sec2_pb2, session_pb2
from srptools.constants import PRIME_3072

srp.rfc5054_enable()
PRIME = "".join(PRIME_3072.split()).encode()
GROUP = {"ng_type": srp.NG_CUSTOM, "n_hex": PRIME, "g_hex": b"5"}


class Phone:
    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=10)
        self.headers = {"Content-type": "application/x-www-form-urlencoded"}
        self.key = self.iv = None

    def send(self, endpoint, value):
        self.connection.request("POST", f"/{endpoint}", value, self.headers)
        reply = self.connection.getresponse()
        self.headers["Cookie"] = reply.getheader("Set-Cookie")
        assert reply.status == 200, (reply.status, reply.read())
        return reply.read()

    def shake(self, message):
        raw = self.send("prov-session", message.SerializeToString())
        answer = session_pb2.SessionData()
        answer.ParseFromString(raw)
        assert answer.sec_ver == session_pb2.SecScheme2
        return answer.sec2

    def begin(self, user, pop):
        """Return the two statuses, as far as it comes."""
        while True:
            client = srp.User(user, pop, hash_alg=srp.SHA512, **GROUP)
            _, public = client.start_authentication()
            if len(public) == 384:
                break
        first = session_pb2.SessionData(sec_ver=session_pb2.SecScheme2)
        first.sec2.sc0.client_username = user.encode()
        first.sec2.sc0.client_pubkey = public
        answer = self.shake(first)
        if answer.sr0.status:
            return answer.sr0.status, None
        proof = client.process_challenge(
            answer.sr0.device_salt, answer.sr0.device_pubkey
        )
        second = session_pb2.SessionData(sec_ver=session_pb2.SecScheme2)
        second.sec2.msg = sec2_pb2.S2Session_Command1
        second.sec2.sc1.client_proof = proof
        answer = self.shake(second)
        if not answer.sr1.status:
            client.verify_session(answer.sr1.device_proof)
            assert client.authenticated()
            self.key = AESGCM(client.get_session_key()[:32])
            self.iv = bytearray(answer.sr1.device_nonce)
        return 0, answer.sr1.status

    def ask(self, endpoint, plain):
        """Return an answer's plaintext; the counter grows with each frame."""
        frame = self.key.encrypt(self.next_iv(), plain, None)
        return self.key.decrypt(self.next_iv(), self.send(endpoint, frame), None)

    def next_iv(self):
        now = bytes(self.iv)
        self.iv[8:] = (int.from_bytes(now[8:]) + 1).to_bytes(4)
        return now


def main(address, pop):
    phone = Phone(address)
    version = json.loads(phone.send("proto-ver", b"---"))
    said = {"sec_patch_ver": version["prov"]["sec_patch_ver"]}
    said["statuses"] = phone.begin("hotsite", pop)
    if phone.key is not None:
        answers = [phone.ask("info", b'\x01\x00{"do":"read"}') for _ in range(3)]
        said["headers"] = [list(answer[:2]) for answer in answers]
        said["info"] = json.loads(answers[-1][2:])
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
