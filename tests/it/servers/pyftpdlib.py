# An FTP server: FOLDER PORT CERTIFICATE USER PASSWORD RIGHTS
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer

folder, port, certificate, user, password, rights = sys.argv[1:]
authorizer = DummyAuthorizer()
authorizer.add_user(user, password, folder, perm=rights)
handler = TLS_FTPHandler
handler.certfile = certificate
handler.authorizer = authorizer
FTPServer(("127.0.0.1", int(port)), handler).serve_forever()
