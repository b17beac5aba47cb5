250 eth0
251 eth0 dhpc
252 eth0
