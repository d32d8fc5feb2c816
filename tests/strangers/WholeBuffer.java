// A UDP chat server. Its mistake: the text is made of the whole buffer, and not of what was received.
import java.net.*;
import java.util.*;

public class WholeBuffer {
    public static void main(String[] args) throws Exception {
        DatagramSocket socket = new DatagramSocket(Integer.parseInt(args[0]));
        System.out.println("UDP server started on port " + args[0]);
        Set<SocketAddress> clients = new HashSet<>();
        while (true) {
            DatagramPacket in = new DatagramPacket(new byte[1024], 1024);
            socket.receive(in);
            clients.add(in.getSocketAddress());
            String text = new String(in.getData());
            byte[] out = ("[" + in.getAddress().getHostAddress() + ":" + in.getPort() + "]: " + text).getBytes();
            for (SocketAddress client : clients) {
                if (!client.equals(in.getSocketAddress())) {
                    socket.send(new DatagramPacket(out, out.length, client));
                }
            }
        }
    }
}
