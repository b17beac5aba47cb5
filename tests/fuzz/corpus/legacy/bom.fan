250 eth0
