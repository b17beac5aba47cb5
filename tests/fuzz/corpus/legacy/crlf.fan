250 eth0
251 eth0
