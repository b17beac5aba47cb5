250.0.0.0/8 eth0/16 dhcp
