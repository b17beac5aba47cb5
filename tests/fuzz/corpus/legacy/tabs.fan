250	eth0		# end

   
