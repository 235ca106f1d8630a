import java.io.File;
import org.codehaus.janino.Compiler;

/** Compiles a source file into a folder; run by the compiler that Flink itself brings, since a runtime has none. */
public class Compile {
    public static void main(String[] arguments) throws Exception {
        Compiler compiler = new Compiler();
        compiler.setSourceVersion(8);
        compiler.setTargetVersion(8);
        compiler.setDestinationDirectory(new File(arguments[1]), false);
        compiler.compile(new File[] {new File(arguments[0])});
    }
}
