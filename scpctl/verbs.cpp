namespace scp {}
