enum Protocol { TCP, UDP };
