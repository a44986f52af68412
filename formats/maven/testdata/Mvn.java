import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.codehaus.plexus.classworlds.launcher.Launcher;

/**
 * Runs Maven's command line once for each request, in one JVM. A request is lines of standard input: the working directory, the
 * user's home, the arguments, and an empty line. What Maven prints is followed by a line of NUL, "exit " and its exit code.
 */
public class Mvn {
    public static void main(String[] none) throws Exception {
        Launcher launcher = new Launcher();
        launcher.setSystemClassLoader(Mvn.class.getClassLoader());
        try (InputStream conf = new FileInputStream(System.getProperty("classworlds.conf"))) {
            launcher.configure(conf);
        }
        Properties start = (Properties) System.getProperties().clone();
        PrintStream out = System.out, err = System.err;
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String dir; (dir = in.readLine()) != null; ) {
            // Each run begins with the system properties of a process of its own.
            Properties properties = (Properties) start.clone();
            properties.setProperty("user.dir", dir);
            properties.setProperty("maven.multiModuleProjectDirectory", dir);
            properties.setProperty("user.home", in.readLine());
            System.setProperties(properties);
            List<String> args = new ArrayList<>();
            for (String arg; !(arg = in.readLine()).isEmpty(); ) {
                args.add(arg);
            }
            launcher.launch(args.toArray(new String[0]));
            System.out.flush();
            System.setOut(out);
            System.setErr(err);
            out.println("\0exit " + launcher.getExitCode());
            out.flush();
        }
    }
}
