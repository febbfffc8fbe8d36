"""L402 on the wire: the challenge, and the credential that answers it. The macaroon itself is the domain's."""
